# shellcheck shell=bash
# Ends everything that `up` started, also what is left of a crash. Images and programs stay. Never fails half way.

# Pods whose containerd is gone: what is in the nodes' cgroups, and the shims that watched it.
kill_leftovers() {
  local file id
  for file in /proc/[0-9]*/cgroup; do
    if grep -qs '/lk8s-n[1-9]' "$file"; then id=${file#/proc/}; kill -KILL "${id%/cgroup}" 2>/dev/null || true; fi
  done
  for file in /proc/[0-9]*/cmdline; do
    if { tr '\0' ' ' <"$file"; } 2>/dev/null | grep -q "^[^ ]*containerd-shim.* -address $L/n[1-9]/c.sock"; then
      id=${file#/proc/}; kill -KILL "${id%/cmdline}" 2>/dev/null || true
    fi
  done
}

down() {
  local i item
  stop provisioner
  for i in $(seq 9); do stop "kubelet$i" -KILL; stop "proxy$i" -KILL; done
  for item in sched kcm apiserver etcd; do stop $item -KILL; done
  for i in $(seq 9); do
    [ -S "$L/n$i/c.sock" ] || continue
    if is_running "containerd$i"; then
      for item in $(in_containerd "$i" tasks ls -q 2>/dev/null); do in_containerd "$i" tasks rm -f "$item" >/dev/null 2>&1 || true; done
      for item in $(in_containerd "$i" containers ls -q 2>/dev/null); do in_containerd "$i" containers rm "$item" >/dev/null 2>&1 || true; done
    fi
    stop "containerd$i" -KILL
  done
  kill_leftovers
  awk -v home="$L/" 'index($2, home) == 1 { print $2 }' /proc/mounts | sort -r | while read -r item; do umount -l "$item" 2>/dev/null || true; done
  remove_network
  for i in $(seq 9); do
    for item in /sys/fs/cgroup/*/lk8s-n"$i" /sys/fs/cgroup/lk8s-n"$i"; do
      if [ -d "$item" ]; then find "$item" -depth -type d -exec rmdir {} \; 2>/dev/null || true; fi
    done
  done
  if [ -f "$R/sysctl" ]; then sysctl -qp "$R/sysctl" || true; fi
  rm -rf "$L"/n[0-9]* "$L/etcd" "$L/pv" "$P" "$R" /run/lk8s.home
}
