#!/usr/bin/env bash
# Starts a Connect worker: CONNECT_GROUP_ID=x in the environment is group.id=x of the worker.
set -euo pipefail

if [[ -z ${CONNECT_BOOTSTRAP_SERVERS:-} ]]; then
    echo "set CONNECT_BOOTSTRAP_SERVERS to where Kafka is, such as kafka:9092" >&2
    exit 2
fi

# A worker ends when no server of Kafka is there for a minute: those that come up later, and the DNS
# that knows them, are waited for.
reachable() {
    local server
    for server in ${CONNECT_BOOTSTRAP_SERVERS//,/ }; do
        server=${server##*://}
        # shellcheck disable=SC2016 # for the other shell to expand
        ! timeout 5 bash -c ': <>"/dev/tcp/$0/$1"' "${server%:*}" "${server##*:}" 2>/dev/null || return 0
    done
    return 1
}
trap 'exit 143' TERM INT
until reachable; do
    echo "no server of $CONNECT_BOOTSTRAP_SERVERS answers; trying again in 2 s" >&2
    sleep 2
done

properties=${TMPDIR:-/tmp}/worker.properties
umask 077 # there may be passwords in it
for variable in "${!CONNECT_@}"; do
    name=${variable#CONNECT_}
    name=${name,,}
    value=${!variable}
    value=${value//\\/\\\\}
    printf '%s=%s\n' "${name//_/.}" "${value//$'\n'/\\n}"
done >"$properties"

read -ra options <<<"${KAFKA_HEAP_OPTS:--XX:MaxRAMPercentage=70}"
if [[ -n ${METRICS_PORT:-} ]]; then
    agent=/opt/connect/agent/jmx_prometheus_javaagent.jar
    options+=("-javaagent:$agent=$METRICS_PORT:/opt/connect/jmx.yaml")
fi
exec java "${options[@]}" -Dlog4j2.configurationFile=/opt/connect/log4j2.properties \
    -cp '/opt/connect/kafka/*' org.apache.kafka.connect.cli.ConnectDistributed "$properties"
