#!/usr/bin/env bash
# One Kubernetes node of plain processes, in a network namespace of its own, for `make test-cluster`:
#   k8s/cluster/node.sh up FOLDER            a control plane, a kubelet, DNS, network policies
#   k8s/cluster/node.sh load FOLDER IMAGE... from Docker into the node
#   k8s/cluster/node.sh volumes FOLDER       empty volumes for the chart's claims
#   k8s/cluster/node.sh restart FOLDER       as after a power cut: every process is killed, all starts again
#   k8s/cluster/node.sh down FOLDER          every process and mount, and the folder itself
# FOLDER/admin.conf is the kubeconfig. Needs root, and what `missing` names.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=k8s/tools/versions
. "$root/k8s/tools/versions"
tools=$root/.tools

node=tvrec-node
link=tvrec0
host_ip=10.231.0.1 node_ip=10.231.0.2
pods=10.232.0.0/16 services=10.233.0.0/16 first_service=10.233.0.1 dns=10.233.0.10
pause=registry.k8s.io/pause:3.10.2
# Claims of the chart in the namespace `tvrec`, each with a folder as its volume.
claims=(data-tvrec-kafka-0 data-tvrec-kafka-1 data-tvrec-kafka-2 data-tvrec-minio-0 data-tvrec-postgresql-0)

stop() {
  echo "node.sh: $*" >&2
  exit 1
}

# What this machine lacks, a line each.
missing() {
  local tool
  [ "$(id -u)" -eq 0 ] || echo "root"
  for tool in kubectl docker ip iptables ipset conntrack nsenter openssl runc; do
    command -v "$tool" >/dev/null || echo "$tool"
  done
  [ -x /usr/lib/cni/bridge ] || echo "the CNI plugins (Debian: containernetworking-plugins)"
  for tool in "etcd-$ETCD_VERSION" {kube-apiserver,kubelet,kube-controller-manager,kube-scheduler,kube-proxy}"-$KUBERNETES_VERSION" \
    {containerd,containerd-shim-runc-v2,ctr}"-$CONTAINERD_VERSION" "kube-router-$KUBE_ROUTER_VERSION" \
    "metrics-server-$METRICS_SERVER_VERSION"; do
    [ -x "$tools/$tool" ] || echo ".tools/$tool (make cluster-tools)"
  done
}

kc() { kubectl --kubeconfig "$folder/admin.conf" "$@"; }
ctr() { "$tools/ctr-$CONTAINERD_VERSION" --address "$folder/containerd.sock" --namespace k8s.io "$@"; }

# start NAME COMMAND...: in the node's network, on its own, noted.
start() {
  local name=$1
  shift
  nsenter --net="/var/run/netns/$node" setsid "$@" >>"$folder/log/$name.log" 2>&1 </dev/null &
  echo $! >"$folder/pids/$name"
}

wait_for() { # what seconds command...
  local what=$1 left=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || stop "$what does not come; see $folder/log"
    sleep 1
  done
}

network() {
  ip netns add "$node"
  ip link add "$link" type veth peer name eth0 netns "$node"
  ip addr add "$host_ip/30" dev "$link"
  ip link set "$link" up
  ip -n "$node" link set lo up
  ip -n "$node" addr add "$node_ip/30" dev eth0
  ip -n "$node" link set eth0 up
  ip -n "$node" route add default via "$host_ip"
  nsenter --net="/var/run/netns/$node" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.route_localnet=1
  # Without it the bridge hides what pods say to each other from the policies. A kernel without
  # the module has no such switch.
  nsenter --net="/var/run/netns/$node" sysctl -qw net.bridge.bridge-nf-call-iptables=1 ||
    stop "this kernel has no br_netfilter: network policies would not be enforced"
}

certificate() { # name subject [alternative names]
  local usage="extendedKeyUsage=clientAuth,serverAuth"
  openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "$2" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -out "$1.crt" -days 30 \
    -extfile <(printf '%s\n%s\n' "$usage" "${3:+subjectAltName=$3}") 2>/dev/null
}

certificates() {
  local names name
  cd "$folder/pki"
  openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 30 -subj /CN=tvrec-node 2>/dev/null
  names=IP:$node_ip,IP:127.0.0.1,IP:$first_service,DNS:localhost,DNS:kubernetes.default.svc
  certificate apiserver /CN=kube-apiserver "$names"
  certificate kubelet-server "/CN=$node" "IP:$node_ip,DNS:$node"
  certificate apiserver-kubelet /O=system:masters/CN=kube-apiserver-kubelet-client
  certificate aggregator /CN=aggregator
  certificate metrics-server /CN=metrics-server "IP:$node_ip"
  certificate admin /O=system:masters/CN=admin
  certificate kubelet "/O=system:nodes/CN=system:node:$node"
  certificate controller-manager /CN=system:kube-controller-manager
  certificate scheduler /CN=system:kube-scheduler
  certificate proxy /CN=system:kube-proxy
  openssl genrsa -out accounts.key 2048 2>/dev/null
  openssl rsa -in accounts.key -pubout -out accounts.pub 2>/dev/null
  cd "$folder"
  for name in admin kubelet controller-manager scheduler proxy; do
    cat >"$folder/$name.conf" <<END
apiVersion: v1
kind: Config
current-context: node
clusters: [{name: node, cluster: {server: "https://$node_ip:6443", certificate-authority: $folder/pki/ca.crt}}]
users: [{name: it, user: {client-certificate: $folder/pki/$name.crt, client-key: $folder/pki/$name.key}}]
contexts: [{name: node, context: {cluster: node, user: it}}]
END
  done
}

configuration() {
  cat >"$folder/cni/10-bridge.conflist" <<END
{"cniVersion": "1.0.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$pods"}]], "routes": [{"dst": "0.0.0.0/0"}],
            "dataDir": "$folder/cni-data"}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
END
  # restrict_oom_score_adj: the machine may be a container without CAP_SYS_RESOURCE.
  cat >"$folder/containerd.toml" <<END
version = 3
root = "$folder/containerd"
state = "$folder/containerd-state"
[grpc]
  address = "$folder/containerd.sock"
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "$pause"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "$folder/cni"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      SystemdCgroup = false
      BinaryName = "$(command -v runc)"
END
  : >"$folder/resolv.conf"
  # failCgroupV1: such a machine may know version 1 only.
  cat >"$folder/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
failSwapOn: false
cgroupDriver: cgroupfs
containerRuntimeEndpoint: unix://$folder/containerd.sock
clusterDomain: cluster.local
clusterDNS: [$dns]
resolvConf: $folder/resolv.conf
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $folder/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $folder/pki/kubelet-server.crt
tlsPrivateKeyFile: $folder/pki/kubelet-server.key
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
podLogsDir: $folder/pod-logs
END
  cat >"$folder/proxy.yaml" <<END
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clusterCIDR: $pods
hostnameOverride: $node
clientConnection: {kubeconfig: $folder/proxy.conf}
conntrack: {maxPerCore: 0}
END
}

processes() {
  local v=$KUBERNETES_VERSION
  # The shim is found by its name.
  ln -sf "$tools/containerd-shim-runc-v2-$CONTAINERD_VERSION" "$folder/bin/containerd-shim-runc-v2"
  export PATH=$folder/bin:$PATH
  start containerd "$tools/containerd-$CONTAINERD_VERSION" --config "$folder/containerd.toml"
  start etcd "$tools/etcd-$ETCD_VERSION" --data-dir "$folder/etcd" --unsafe-no-fsync \
    --listen-client-urls=http://127.0.0.1:2379 --advertise-client-urls=http://127.0.0.1:2379 \
    --listen-peer-urls=http://127.0.0.1:2380
  start apiserver "$tools/kube-apiserver-$v" --etcd-servers=http://127.0.0.1:2379 \
    --advertise-address=$node_ip --secure-port=6443 --authorization-mode=Node,RBAC \
    --enable-admission-plugins=NodeRestriction --client-ca-file="$folder/pki/ca.crt" \
    --tls-cert-file="$folder/pki/apiserver.crt" --tls-private-key-file="$folder/pki/apiserver.key" \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$folder/pki/accounts.pub" \
    --service-account-signing-key-file="$folder/pki/accounts.key" \
    --service-cluster-ip-range=$services --kubelet-preferred-address-types=InternalIP \
    --kubelet-client-certificate="$folder/pki/apiserver-kubelet.crt" \
    --kubelet-client-key="$folder/pki/apiserver-kubelet.key" \
    --kubelet-certificate-authority="$folder/pki/ca.crt" \
    --requestheader-client-ca-file="$folder/pki/ca.crt" --requestheader-allowed-names=aggregator \
    --requestheader-extra-headers-prefix=X-Remote-Extra- --requestheader-group-headers=X-Remote-Group \
    --requestheader-username-headers=X-Remote-User \
    --proxy-client-cert-file="$folder/pki/aggregator.crt" --proxy-client-key-file="$folder/pki/aggregator.key"
  wait_for containerd 60 ctr version
  wait_for "the API server" 180 kc get --raw /readyz
  start controller-manager "$tools/kube-controller-manager-$v" --leader-elect=false \
    --kubeconfig="$folder/controller-manager.conf" --use-service-account-credentials \
    --service-account-private-key-file="$folder/pki/accounts.key" --root-ca-file="$folder/pki/ca.crt" \
    --cluster-signing-cert-file="$folder/pki/ca.crt" --cluster-signing-key-file="$folder/pki/ca.key"
  start scheduler "$tools/kube-scheduler-$v" --leader-elect=false --kubeconfig="$folder/scheduler.conf"
  start kubelet "$tools/kubelet-$v" --config="$folder/kubelet.yaml" --kubeconfig="$folder/kubelet.conf" \
    --hostname-override=$node --node-ip=$node_ip --root-dir="$folder/kubelet" --cert-dir="$folder/pki"
  wait_for "the node" 180 kc get node "$node"
  start proxy "$tools/kube-proxy-$v" --config="$folder/proxy.yaml"
  # As the admin: it reads policies, pods, namespaces and services.
  start router env NODE_NAME=$node "$tools/kube-router-$KUBE_ROUTER_VERSION" --kubeconfig="$folder/admin.conf" \
    --run-router=false --run-firewall=true --run-service-proxy=false --service-cluster-ip-range=$services
  # What the autoscaler asks; as the admin too.
  start metrics "$tools/metrics-server-$METRICS_SERVER_VERSION" --secure-port=4443 --metric-resolution=15s \
    --kubeconfig="$folder/admin.conf" --authentication-kubeconfig="$folder/admin.conf" \
    --authorization-kubeconfig="$folder/admin.conf" --kubelet-preferred-address-types=InternalIP \
    --kubelet-certificate-authority="$folder/pki/ca.crt" --tls-cert-file="$folder/pki/metrics-server.crt" \
    --tls-private-key-file="$folder/pki/metrics-server.key"
  wait_for "a node that is ready" 180 kc wait --for=condition=Ready "node/$node" --timeout=1s
}

volumes() {
  local claim
  unmount "$folder/volumes"
  rm -rf "$folder/volumes"
  for claim in "${claims[@]}"; do
    # Open to the pods' users, as Minikube's provisioner makes them.
    install -d -m 0777 "$folder/volumes/$claim"
    # Of its own, so that a test can fill it.
    [ "$claim" != data-tvrec-minio-0 ] ||
      mount -t tmpfs -o size=1g,mode=0777 tvrec-minio "$folder/volumes/$claim"
    cat <<END
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: $claim}
spec:
  capacity: {storage: 10Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: standard
  claimRef: {namespace: tvrec, name: $claim}
  hostPath: {path: $folder/volumes/$claim}
END
  done | kc apply -f - >/dev/null
}

up() {
  local lacks
  lacks=$(missing)
  [ -z "$lacks" ] || stop "this machine lacks: ${lacks//$'\n'/, }"
  [ ! -e "$folder" ] || stop "$folder is there already; node.sh down takes it away"
  ! ip netns pids "$node" >/dev/null 2>&1 || stop "a node runs already; node.sh down ends it"
  [ -z "$(pod_groups)" ] || stop "this machine is a node of another cluster"
  mkdir -p "$folder"/{bin,cni,log,pids,pki,volumes}
  chmod 0700 "$folder/pki"
  ip netns list | cut -d " " -f 1 >"$folder/networks-before"
  network
  certificates
  configuration
  processes
  kc create clusterrolebinding proxy --clusterrole=system:node-proxier --user=system:kube-proxy >/dev/null
  kc apply -f "$root/k8s/cluster/addons.yaml" >/dev/null
  volumes
}

load() {
  # In one archive, which has layers of several images once.
  docker save "$@" | ctr images import --snapshotter overlayfs - >/dev/null
}

# Every process of the node, its pods too: they all are in its network or have one of their own,
# whose parent is a shim with the folder in its arguments.
end_processes() {
  local file shim
  for file in "$folder"/pids/*; do
    [ ! -f "$file" ] || { kill -KILL -- "-$(cat "$file")" 2>/dev/null || true; }
  done
  for shim in $(pgrep --full -- "-address $folder/containerd.sock" || true); do
    pkill -KILL --parent "$shim" || true
    kill -KILL "$shim" 2>/dev/null || true
  done
  rm -f "$folder"/pids/* "$folder/containerd.sock" "$folder/containerd.sock.ttrpc"
}

# Control groups of pods, of cgroup v1 or v2.
pod_groups() { find /sys/fs/cgroup -maxdepth 2 -type d -name 'kubepods*'; }

unmount() { # folder
  local place
  # The deepest first.
  findmnt --noheadings --raw --output TARGET | sort -r | while read -r place; do
    [[ $place != "$1"/* ]] || umount --lazy "$place" || true
  done
}

restart() {
  end_processes
  unmount "$folder/kubelet"
  unmount "$folder/containerd-state"
  processes
}

down() {
  end_processes
  sleep 1
  unmount "$folder"
  ip netns del "$node" 2>/dev/null || true
  ip link del "$link" 2>/dev/null || true
  local group pod
  # Of pods that were killed.
  if [ -f "$folder/networks-before" ]; then
    for pod in $(ip netns list | cut -d " " -f 1 | grep ^cni- | grep -vxFf "$folder/networks-before" || true); do
      ip netns del "$pod"
    done
  fi
  for group in $(pod_groups); do
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
  rm -rf "$folder"
}

command=${1:-}
case $command in
missing) missing ;;
up | load | volumes | restart | down)
  [ -n "${2:-}" ] || stop "name a folder"
  folder=$(realpath -m "$2")
  shift 2
  "$command" "$@"
  ;;
*) sed -n '2,8s/^# //p' "$0" && exit 2 ;;
esac
