#!/usr/bin/env bash
# Build what the tests of the chart need from source, pinned, into .tools:
#   k8s/tools/build.sh helm         a minute or two
#   k8s/tools/build.sh apiserver    etcd and kube-apiserver: ten minutes on two cores
#   k8s/tools/build.sh node         these, and what else a node is made of: half an hour
# Go's checksum database vouches for the sources.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=k8s/tools/versions
. k8s/tools/versions
tools=$PWD/.tools
mkdir -p "$tools"
command -v go >/dev/null || {
  echo "Go is needed to build $1 (Debian: apt install golang)" >&2
  exit 1
}

helm() {
  local to=$tools/helm-$HELM_VERSION
  test -x "$to" || GOBIN="$tools/new" go install "helm.sh/helm/v4/cmd/helm@$HELM_VERSION"
  test -x "$to" || { mv "$tools/new/helm" "$to" && rm -rf "$tools/new"; }
  echo "$to"
}

# `go install` refuses modules that replace others in go.mod, as these do by their own folders. From
# a module of ours the published versions of those folders are taken instead.
wrapped() { # module version name=package...
  local module=$1 version=$2 program missing=() place
  shift 2
  for program; do
    echo "$tools/${program%=*}-$version"
    test -x "$tools/${program%=*}-$version" || missing+=("$program")
  done
  test ${#missing[@]} -gt 0 || return 0
  place=$(mktemp -d)
  (
    cd "$place"
    go mod init wrapper
    go mod edit -require="$module@$version"
    go mod download -json "$module@$version" | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p' | xargs cat |
      sed -n 's|^\s*\(k8s.io/[a-z-]*\) => ./staging/.*|\1|p' |
      while read -r staged; do go mod edit -replace="$staged=$staged@v0${version#v1}"; done
    printf '//go:build tools\n\npackage wrapper\n' >tools.go
    printf '\nimport _ "%s"' "${missing[@]#*=}" >>tools.go
    go mod tidy
    for program in "${missing[@]}"; do
      go build -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version \
        -X k8s.io/component-base/version.gitMajor=1 \
        -X k8s.io/component-base/version.gitMinor=$(echo "$version" | cut -d. -f2) \
        -X $module/version.Version=$version" \
        -o "$tools/${program%=*}-$version" "${program#*=}"
    done
  ) >&2
  rm -rf "$place"
}

apiserver() {
  local kubernetes=k8s.io/kubernetes etcd=go.etcd.io/etcd/server/v3
  wrapped "$etcd" "$ETCD_VERSION" "etcd=$etcd"
  # The definitions of ServiceMonitor and PrometheusRule.
  local operator=github.com/prometheus-operator/prometheus-operator
  local crd=$tools/monitoring-crds-$PROMETHEUS_OPERATOR_VERSION
  test -f "$crd" || {
    go mod download -json "$operator@$PROMETHEUS_OPERATOR_VERSION" |
      sed -n 's/^\t"Dir": "\(.*\)",$/\1/p' >"$crd.new"
    cat "$(cat "$crd.new")"/example/prometheus-operator-crd/monitoring.coreos.com_{servicemonitors,prometheusrules}.yaml >"$crd.tmp"
    rm "$crd.new" && mv "$crd.tmp" "$crd"
  }
  echo "$crd"
  wrapped "$kubernetes" "$KUBERNETES_VERSION" "kube-apiserver=$kubernetes/cmd/kube-apiserver"
}

# Static, since the images that some of them go into may have another libc, or none.
node() {
  local kubernetes=k8s.io/kubernetes/cmd containerd=github.com/containerd/containerd/v2
  local coredns=github.com/coredns/coredns router=github.com/cloudnativelabs/kube-router/v2
  local metrics=sigs.k8s.io/metrics-server
  export CGO_ENABLED=0
  apiserver
  wrapped k8s.io/kubernetes "$KUBERNETES_VERSION" "kubelet=$kubernetes/kubelet" \
    "kube-controller-manager=$kubernetes/kube-controller-manager" \
    "kube-scheduler=$kubernetes/kube-scheduler" "kube-proxy=$kubernetes/kube-proxy"
  wrapped "$containerd" "$CONTAINERD_VERSION" "containerd=$containerd/cmd/containerd" \
    "containerd-shim-runc-v2=$containerd/cmd/containerd-shim-runc-v2" "ctr=$containerd/cmd/ctr"
  wrapped "$coredns" "$COREDNS_VERSION" "coredns=$coredns"
  # It enforces network policies with iptables and ipset alone.
  wrapped "$router" "$KUBE_ROUTER_VERSION" "kube-router=$router/cmd/kube-router"
  wrapped "$metrics" "$METRICS_SERVER_VERSION" "metrics-server=$metrics/cmd/metrics-server"
}

case ${1:-} in
helm | apiserver | node) "$1" ;;
*) sed -n '2,5s/^# //p' "$0" && exit 2 ;;
esac
