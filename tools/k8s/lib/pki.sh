# shellcheck shell=bash
# Keys and kubeconfigs: one authority, a certificate per component. Made anew at each `up`, removed by `down`.

# certificate NAME SUBJECT EXTENSIONS
certificate() {
  openssl req -newkey rsa:2048 -nodes -keyout "$P/$1.key" -out "$P/$1.csr" -subj "$2" 2>/dev/null
  openssl x509 -req -in "$P/$1.csr" -CA "$P/ca.crt" -CAkey "$P/ca.key" -CAcreateserial -days 365 -out "$P/$1.crt" \
    -extfile <(printf '%b' "$3") 2>/dev/null
}

# kubeconfig_for NAME: of the certificate with that name.
kubeconfig_for() {
  local config=(kubectl --kubeconfig "$P/$1.conf" config)
  {
    "${config[@]}" set-cluster lk8s --server="https://$CP:6443" --certificate-authority="$P/ca.crt" --embed-certs
    "${config[@]}" set-credentials "$1" --client-certificate="$P/$1.crt" --client-key="$P/$1.key" --embed-certs
    "${config[@]}" set-context lk8s --cluster=lk8s --user="$1"
    "${config[@]}" use-context lk8s
  } >/dev/null
}

make_keys() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 365 -keyout "$P/ca.key" -out "$P/ca.crt" -subj /CN=lk8s 2>/dev/null
  openssl genrsa -out "$P/sa.key" 2048 2>/dev/null
  openssl rsa -in "$P/sa.key" -pubout -out "$P/sa.pub" 2>/dev/null
  local dns=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local
  certificate apiserver /CN=kube-apiserver "subjectAltName=$dns,IP:127.0.0.1,IP:$SVC.0.1,IP:$CP\nextendedKeyUsage=serverAuth"
  local client=extendedKeyUsage=clientAuth i user
  certificate admin /O=system:masters/CN=admin $client
  certificate a2k /O=system:masters/CN=apiserver-kubelet-client $client
  certificate kcm /CN=system:kube-controller-manager $client
  certificate sched /CN=system:kube-scheduler $client
  certificate proxy /CN=system:kube-proxy $client
  for user in admin kcm sched proxy; do kubeconfig_for $user; done
  for i in $(seq "$N"); do
    certificate "kubelet$i" "/O=system:nodes/CN=system:node:n$i" $client
    kubeconfig_for "kubelet$i"
  done
  chmod 600 "$P"/*.key "$P"/*.conf
}
