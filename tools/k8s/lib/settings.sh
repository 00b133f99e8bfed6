# shellcheck shell=bash
# Where things are and how they are called; read by install, base-images and lk8s. Every setting can come from the environment.

L=${LK8S_HOME:-/var/tmp/lk8s}          # state: programs, images, keys, volumes
B=${LK8S_BIN:-$L/bin}                  # the programs that `install` built
N=${LK8S_NODES:-3}                     # how many nodes
NET=${LK8S_NET:-10.250.0}              # the nodes: $NET.1 to $NET.N, the control plane $NET.254
PODS=${LK8S_PODS:-10.244}              # pods of node I: $PODS.I.0/24
SVC=${LK8S_SERVICES:-10.96}            # services: $SVC.0.0/16, cluster DNS at $SVC.0.10
CP=$NET.254
R=$L/run                               # process ids of what runs
P=$L/pki                               # keys, certificates, kubeconfigs
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:$B

program=$(basename "$0")
say() { echo "$program: $*" >&2; }
die() { say "$*"; exit 1; }

need_root_on_linux() {
  [ "$(uname -s)" = Linux ] || die "needs Linux (this is $(uname -s)); elsewhere use kind or minikube and set KUBECONFIG"
  [ "$(id -u)" = 0 ] || die "needs root: it makes network namespaces and mounts; run it with sudo -E, or use kind or minikube and set KUBECONFIG"
}

# apt PACKAGE...: installs Debian packages; says what to do where there is no apt-get.
apt() {
  command -v apt-get >/dev/null || die "there is no apt-get here; install these with your package manager: $*"
  say "installing packages: $*"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >/dev/null && RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>"$L/apt.log" ||
    die "apt-get could not install $*: $(tail -3 "$L/apt.log")"
}

# architecture: as Go and OCI images call it.
architecture() {
  case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) die "unknown processor $(uname -m); amd64 and arm64 work" ;;
  esac
}
