# shellcheck shell=bash
# A node: its cgroups, containerd with its own state, kubelet and kube-proxy, all in the node's network namespace.

in_containerd() { local i=$1; shift; ctr -a "$L/n$i/c.sock" -n k8s.io "$@"; }

# Under cgroup 1 a group per controller; under cgroup 2 one group, with what its children may use handed down.
make_cgroups() {
  local g=/sys/fs/cgroup controller
  if [ "$(stat -fc %T $g)" = cgroup2fs ]; then
    for controller in cpuset cpu io memory hugetlb pids; do echo "+$controller" >"$g/cgroup.subtree_control" 2>/dev/null || true; done
    mkdir -p "$g/lk8s-n$1"
    return
  fi
  for controller in cpu cpuacct cpuset memory devices freezer blkio pids systemd; do
    if [ -d "$g/$controller" ]; then mkdir -p "$g/$controller/lk8s-n$1"; fi
  done
  cat $g/cpuset/cpuset.cpus >"$g/cpuset/lk8s-n$1/cpuset.cpus"
  cat $g/cpuset/cpuset.mems >"$g/cpuset/lk8s-n$1/cpuset.mems"
}

start_node() {
  local i=$1 D=$L/n$1 archive
  mkdir -p "$D/cni" "$D/kubelet"
  make_cgroups "$i"
  write_cni "$i" >"$D/cni/10.conflist"
  write_containerd "$i" >"$D/containerd.toml"
  write_kubelet "$i" >"$D/kubelet.yaml"
  write_proxy "$i" >"$D/proxy.yaml"
  background "containerd$i" nsenter --net="/run/netns/lk8s-n$i" containerd -c "$D/containerd.toml"
  for _ in $(seq 100); do in_containerd "$i" version >/dev/null 2>&1 && break; sleep .1; done
  in_containerd "$i" version >/dev/null 2>&1 || die "containerd of node $i did not answer within 10 s: $L/log/containerd$i.log"
  for archive in "$L"/images/*.tar; do
    in_containerd "$i" images import "$archive" >/dev/null || die "node $i could not import $archive; remove it if it is broken"
  done
  start_kubelet "$i"
  background "proxy$i" nsenter --net="/run/netns/lk8s-n$i" "$B/kube-proxy" --config="$D/proxy.yaml" --v=1
}

start_kubelet() {
  local i=$1 D=$L/n$1 topology=topology.kubernetes.io
  is_running "kubelet$i" && return
  background "kubelet$i" nsenter --net="/run/netns/lk8s-n$i" "$B/kubelet" --config="$D/kubelet.yaml" \
    --kubeconfig="$P/kubelet$i.conf" --hostname-override="n$i" --node-ip="$NET.$i" --root-dir="$D/kubelet" \
    --cert-dir="$D/kubelet-pki" --node-labels="$topology/region=local,$topology/zone=z$i" --v=1
}

kill_node() {
  local task
  stop "kubelet$1" -KILL
  for task in $(in_containerd "$1" tasks ls -q); do in_containerd "$1" tasks kill -s SIGKILL "$task" >/dev/null 2>&1 || true; done
  cut_node "$1"
}

write_cni() {
  cat <<JSON
{"cniVersion": "0.4.0", "name": "lk8s", "plugins": [
 {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true, "ipam":
  {"type": "host-local", "dataDir": "$L/n$1/ipam", "ranges": [[{"subnet": "$PODS.$1.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
 {"type": "portmap", "capabilities": {"portMappings": true}}]}
JSON
}

write_containerd() {
  local D=$L/n$1
  cat <<TOML
version = 2
root = "$D/cd-root"
state = "$D/cd-state"
oom_score = 0
[grpc]
  address = "$D/c.sock"
[ttrpc]
  address = "$D/c.sock.ttrpc"
[plugins."io.containerd.internal.v1.opt"]
  path = "$D/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$D/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
TOML
}

write_kubelet() {
  local D=$L/n$1
  cat <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $NET.$1
healthzBindAddress: 127.0.0.1
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $P/ca.crt}}
authorization: {mode: Webhook}
containerRuntimeEndpoint: unix://$D/c.sock
cgroupDriver: cgroupfs
cgroupRoot: /lk8s-n$1
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
maxOpenFiles: $(ulimit -Hn)
clusterDomain: cluster.local
clusterDNS: ["$SVC.0.10"]
resolvConf: $L/resolv.conf
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: "100Mi", nodefs.available: "1%", nodefs.inodesFree: "1%", imagefs.available: "1%"}
localStorageCapacityIsolation: false
podLogsDir: $D/podlogs
volumePluginDir: $D/volplugins
nodeStatusUpdateFrequency: 4s
nodeLeaseDurationSeconds: 12
YAML
}

write_proxy() {
  cat <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
clientConnection: {kubeconfig: $P/proxy.conf}
clusterCIDR: $PODS.0.0/16
hostnameOverride: n$1
oomScoreAdj: 0
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
YAML
}
