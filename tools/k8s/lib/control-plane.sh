# shellcheck shell=bash
# etcd, API server, controller manager and scheduler, on the machine itself. A lost node shows after 16 s instead of 40.

start_control_plane() {
  local etcd=http://127.0.0.1:23790 peer=http://127.0.0.1:23800
  # How the kubelets change them; `down` puts them back.
  for key in kernel.panic kernel.panic_on_oops vm.overcommit_memory; do sysctl "$key"; done | tr -d ' ' >"$R/sysctl"
  background etcd "$B/etcd" --data-dir "$L/etcd" --unsafe-no-fsync --listen-client-urls $etcd --advertise-client-urls $etcd \
    --listen-peer-urls $peer --initial-advertise-peer-urls $peer --initial-cluster default=$peer
  background apiserver "$B/kube-apiserver" --etcd-servers=$etcd --bind-address="$CP" --advertise-address="$CP" \
    --service-cluster-ip-range="$SVC.0.0/16" --authorization-mode=Node,RBAC --client-ca-file="$P/ca.crt" \
    --tls-cert-file="$P/apiserver.crt" --tls-private-key-file="$P/apiserver.key" \
    --service-account-issuer=https://kubernetes.default.svc \
    --service-account-key-file="$P/sa.pub" --service-account-signing-key-file="$P/sa.key" \
    --kubelet-client-certificate="$P/a2k.crt" --kubelet-client-key="$P/a2k.key" --kubelet-preferred-address-types=InternalIP \
    --enable-admission-plugins=NodeRestriction,PodSecurity --allow-privileged=true --v=1
  for _ in $(seq 120); do
    kubectl get --raw /readyz >/dev/null 2>&1 && break
    is_running apiserver || die "the API server ended; $L/log/apiserver.log ends with: $(tail -2 "$L/log/apiserver.log")"
    sleep .25
  done
  kubectl get --raw /readyz >/dev/null 2>&1 || die "the API server did not become ready within 30 s: $L/log/apiserver.log"
  background kcm "$B/kube-controller-manager" $(as_user kcm) --service-account-private-key-file="$P/sa.key" \
    --root-ca-file="$P/ca.crt" --use-service-account-credentials=true --node-monitor-grace-period=16s --node-monitor-period=2s
  background sched "$B/kube-scheduler" $(as_user sched)
}

# as_user NAME: flags that the two controllers share.
as_user() {
  local conf=$P/$1.conf
  echo "--kubeconfig=$conf --authentication-kubeconfig=$conf --authorization-kubeconfig=$conf"
  echo "--bind-address=127.0.0.1 --leader-elect=false --v=1"
}
