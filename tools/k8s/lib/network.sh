# shellcheck shell=bash
# One bridge, one network namespace per node, routes between the nodes' pod ranges. Nothing of it leaves the machine.

in_node() { local i=$1; shift; nsenter --net="/run/netns/lk8s-n$i" "$@"; }

make_network() {
  local i j
  if ip route show | grep -q "^\($NET\|$PODS\|$SVC\)\."; then
    die "this machine already has a route to $NET, $PODS or $SVC; choose others: LK8S_NET, LK8S_PODS, LK8S_SERVICES"
  fi
  ip link add lk8s0 type bridge
  ip addr add "$CP/24" dev lk8s0
  ip link set lk8s0 up
  sysctl -n net.ipv4.ip_forward >"$R/ip_forward"
  sysctl -qw net.ipv4.ip_forward=1
  iptables -I FORWARD -i lk8s0 ! -o lk8s0 -j DROP
  iptables -I FORWARD -o lk8s0 ! -i lk8s0 -j DROP
  iptables -I FORWARD -i lk8s0 -o lk8s0 -j ACCEPT # where Docker made DROP the policy
  modprobe -q br_netfilter 2>/dev/null || true
  for i in $(seq "$N"); do
    ip netns add "lk8s-n$i"
    ip link add "lk8s-v$i" type veth peer name eth0 netns "lk8s-n$i"
    ip link set "lk8s-v$i" master lk8s0 up
    in_node "$i" ip link set lo up
    in_node "$i" ip addr add "$NET.$i/24" dev eth0
    in_node "$i" ip link set eth0 up
    in_node "$i" ip route add default via "$CP"
    in_node "$i" sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1 ||
      die "the kernel cannot filter bridged packets: module br_netfilter is missing"
    ip route add "$PODS.$i.0/24" via "$NET.$i"
    for j in $(seq "$N"); do [ "$j" = "$i" ] || in_node "$i" ip route add "$PODS.$j.0/24" via "$NET.$j"; done
  done
  ip route add "$SVC.0.0/16" via "$NET.1"
}

cut_node() { ip link set "lk8s-v$1" down; }

heal_node() { ip link set "lk8s-v$1" up; }

remove_network() {
  local i
  for i in $(seq 9); do ip netns del "lk8s-n$i" 2>/dev/null || true; done
  for rule in "-i lk8s0 ! -o lk8s0 -j DROP" "-o lk8s0 ! -i lk8s0 -j DROP" "-i lk8s0 -o lk8s0 -j ACCEPT"; do
    # shellcheck disable=SC2086
    while iptables -D FORWARD $rule 2>/dev/null; do :; done
  done
  ip link del lk8s0 2>/dev/null || true
  [ -f "$R/ip_forward" ] && sysctl -qw "net.ipv4.ip_forward=$(<"$R/ip_forward")" || true
}
