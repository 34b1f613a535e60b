#!/usr/bin/env bash
# Build what the tests of the chart need from source, pinned, into .tools:
#   k8s/tools/build.sh helm         a minute or two
#   k8s/tools/build.sh apiserver    etcd and kube-apiserver: ten minutes on two cores
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
wrapped() { # module version command output
  local to=$4 place
  test -x "$to" || {
    place=$(mktemp -d)
    (
      cd "$place"
      go mod init wrapper
      go mod edit -require="$1@$2"
      go mod download -json "$1@$2" | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p' | xargs cat |
        sed -n 's|^\s*\(k8s.io/[a-z-]*\) => ./staging/.*|\1|p' |
        while read -r staged; do go mod edit -replace="$staged=$staged@v0${2#v1}"; done
      printf '//go:build tools\n\npackage wrapper\n\nimport _ "%s"\n' "$3" >tools.go
      go mod tidy
      go build -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$2 \
        -X k8s.io/component-base/version.gitMajor=1 \
        -X k8s.io/component-base/version.gitMinor=$(echo "$2" | cut -d. -f2)" -o "$to" "$3"
    ) >&2
    rm -rf "$place"
  }
  echo "$to"
}

apiserver() {
  local kubernetes=k8s.io/kubernetes etcd=go.etcd.io/etcd/server/v3
  wrapped "$etcd" "$ETCD_VERSION" "$etcd" "$tools/etcd-$ETCD_VERSION"
  # The definition of ServiceMonitor.
  local operator=github.com/prometheus-operator/prometheus-operator
  local crd=$tools/servicemonitors-$PROMETHEUS_OPERATOR_VERSION
  test -f "$crd" || {
    go mod download -json "$operator@$PROMETHEUS_OPERATOR_VERSION" |
      sed -n 's/^\t"Dir": "\(.*\)",$/\1/p' >"$crd.new"
    cat "$(cat "$crd.new")/example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml" >"$crd.tmp"
    rm "$crd.new" && mv "$crd.tmp" "$crd"
  }
  echo "$crd"
  wrapped "$kubernetes" "$KUBERNETES_VERSION" "$kubernetes/cmd/kube-apiserver" \
    "$tools/kube-apiserver-$KUBERNETES_VERSION"
}

case ${1:-} in
helm | apiserver) "$1" ;;
*) sed -n '2,4s/^# //p' "$0" && exit 2 ;;
esac
