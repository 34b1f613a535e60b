#!/usr/bin/env bash
# Everything in Minikube; `make all` and its friends call this. DRY_RUN=1 prints the commands that
# would change something, and runs none.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${MINIKUBE_PROFILE:-tvrec}
cpus=${MINIKUBE_CPUS:-4}
memory_mb=${MINIKUBE_MEMORY_MB:-8192}
disk=${MINIKUBE_DISK:-30g}
# With Minikube's own network plugin nothing enforces the network policies; with calico it does.
cni=${MINIKUBE_CNI:-auto}
runtime=${MINIKUBE_RUNTIME:-} # docker, containerd, cri-o; unset: what Minikube takes
namespace=${NAMESPACE:-tvrec}
values=${VALUES:-k8s/values-minikube.yaml}
timeout=${TIMEOUT:-20m}
release=tvrec

# image and folder of its Dockerfile
images=(
  "data-exporter services/data_exporter"
  "event-generator services/event_generator"
  "model-builder services/model_builder"
  "mlflow-server services/mlflow_server"
  "kafka-connect services/kafka_connect"
  "recommendations-service bento"
)

# Run a command, or only print it.
run() {
  if [ -n "${DRY_RUN:-}" ]; then
    printf '+'
    printf ' %q' "$@"
    printf '\n'
  else
    "$@"
  fi
}

kubectl=(kubectl --context "$profile" --namespace "$namespace")
helm=(helm --kube-context "$profile" --namespace "$namespace")

need() {
  local missing=0 tool how
  while read -r tool how; do
    command -v "$tool" >/dev/null && continue
    missing=1
    echo "$tool is missing; to install it: $how" >&2
  done <<'TOOLS'
git apt install git (macOS: brew install git)
minikube curl -fsSLO https://storage.googleapis.com/minikube/releases/latest/minikube-linux-amd64 && sudo install minikube-linux-amd64 /usr/local/bin/minikube (macOS: brew install minikube)
kubectl minikube kubectl -- version, or see https://kubernetes.io/docs/tasks/tools (macOS: brew install kubectl)
helm curl -fsSL https://raw.githubusercontent.com/helm/helm/main/scripts/get-helm-4 | bash (macOS: brew install helm)
TOOLS
  [ "$missing" -eq 0 ] || exit 3
}

start() {
  if [ -z "${DRY_RUN:-}" ] && minikube --profile "$profile" status >/dev/null 2>&1; then
    echo "Minikube ($profile) is running"
    return
  fi
  run minikube start --profile "$profile" --cpus "$cpus" --memory "${memory_mb}mb" \
    --disk-size "$disk" --cni "$cni" ${runtime:+--container-runtime "$runtime"}
}

# A hash of what the images are made of: the same tree gives the same tag, and changes nothing.
tag() {
  local files
  files=$(git ls-files --cached --others --exclude-standard -- . ':!benchmarks' ':!docs' ':!k8s' ':!tests' |
    while read -r file; do [ ! -f "$file" ] || echo "$file"; done)
  { echo "$files" && git hash-object --stdin-paths <<<"$files"; } |
    git hash-object --stdin | cut -c1-12
}

# Minikube builds them in itself, whatever runtime it has.
build() {
  local image name folder there
  for image in "${images[@]}"; do
    read -r name folder <<<"$image"
    there=$(has "$name:$1")
    if [ -n "$there" ]; then
      echo "$there is there"
      continue
    fi
    run minikube --profile "$profile" image build --tag "tvrec/$name:$1" \
      --file "$folder/Dockerfile" .
    # Minikube ends with 0 too when a build has failed.
    [ -n "${DRY_RUN:-}" ] || [ -n "$(has "$name:$1")" ] || {
      echo "tvrec/$name was not built; the lines above say why" >&2
      exit 4
    }
  done
}

# The image's name in Minikube, if it is there.
has() {
  [ -n "${DRY_RUN:-}" ] || minikube --profile "$profile" image ls |
    grep -E "(^|/)tvrec/$1\$" | head -n 1 || true
}

install() {
  local code=0 began=$SECONDS
  run "${helm[@]}" upgrade --install "$release" k8s/chart --create-namespace --values "$values" \
    --set-string "images.tag=$1" --wait --timeout "$timeout" || code=$?
  [ "$code" -eq 0 ] || {
    echo "helm gave up after $((SECONDS - began)) s with code $code; if it waited for pods, make" \
      "status and make logs say which, and make all goes on from there" >&2
    exit 5
  }
}

status() {
  run "${kubectl[@]}" get deployments,statefulsets,jobs --output wide
  run "${kubectl[@]}" get pods
}

case ${1:-} in
all)
  [ -n "${DRY_RUN:-}" ] || need
  start
  version=$(tag)
  build "$version"
  install "$version"
  status
  echo "Ask for shows, in another terminal, after: make open-recommendations-service-port"
  echo "curl -s http://127.0.0.1:3000/recommend -H 'Content-Type: application/json' -d '{\"user_id\": 1, \"num_items\": 10}'"
  ;;
open-recommendations-service-port)
  echo "The service is at http://127.0.0.1:${PORT:-3000} until Ctrl-C:"
  echo "curl -s http://127.0.0.1:${PORT:-3000}/recommend -H 'Content-Type: application/json' -d '{\"user_id\": 1, \"num_items\": 10}'"
  run "${kubectl[@]}" port-forward "service/$release-recommendations-service" "${PORT:-3000}:3000"
  ;;
open-mlflow)
  echo "MLflow is at http://127.0.0.1:${PORT:-5000} until Ctrl-C"
  run "${kubectl[@]}" port-forward "service/$release-mlflow" "${PORT:-5000}:5000"
  ;;
status) status ;;
logs)
  run "${kubectl[@]}" logs --selector "app.kubernetes.io/instance=$release" --all-containers --prefix \
    --tail "${TAIL:-20}" --max-log-requests 20
  ;;
check) run "${helm[@]}" test "$release" --logs --timeout 16m ;;
down) run minikube stop --profile "$profile" ;;
delete) run minikube delete --profile "$profile" ;;
*)
  echo "usage: $0 all|open-recommendations-service-port|open-mlflow|status|logs|check|down|delete" >&2
  exit 2
  ;;
esac
