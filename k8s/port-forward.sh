#!/usr/bin/env bash
# port-forward.sh — reach every broker of the cluster from this machine, until Ctrl-C. Broker 0 is at localhost:19090 (Kafka) and
# localhost:13125 (Nest TCP), broker 1 at 19091 and 13126, and so on: what they advertise at their external doors. A forward
# ends with its pod, so each is begun anew as long as this runs. NAMESPACE (yak) and kubectl's own environment are respected.
set -euo pipefail
namespace=${NAMESPACE:-yak}
replicas=$(kubectl -n "$namespace" get statefulset broker -o 'jsonpath={.spec.replicas}')

# kubectl is content with one of 127.0.0.1 and ::1; whoever has the other one would get half of the clients.
free() { # free PORT
  ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null || { echo "port-forward.sh: port $1 is in use on this machine: end what listens there" >&2; exit 1; }
}

forward() { # forward ID
  local child=
  trap 'kill "$child" 2>/dev/null || true; exit 0' TERM
  while true; do
    kubectl -n "$namespace" port-forward "pod/broker-$1" "$((19090 + $1)):9094" "$((13125 + $1)):3126" >/dev/null & child=$!
    wait "$child" || true
    sleep 1 & child=$!
    wait "$child" || true
  done
}

for ((id = 0; id < replicas; id++)); do free "$((19090 + id))"; free "$((13125 + id))"; done
loops=()
end() { trap - EXIT; kill "${loops[@]}" 2>/dev/null || true; wait; exit 0; }
trap end INT TERM EXIT
kafka='' tcp=''
for ((id = 0; id < replicas; id++)); do
  forward "$id" & loops+=("$!")
  kafka+=",localhost:$((19090 + id))" tcp+=",localhost:$((13125 + id))"
done
echo "Kafka clients:  bootstrap ${kafka#,}"
echo "yak:            --bootstrap ${tcp#,}"
wait
