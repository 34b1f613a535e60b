#!/usr/bin/env bash
# Starts a Connect worker: CONNECT_GROUP_ID=x in the environment is group.id=x of the worker.
set -euo pipefail

if [[ -z ${CONNECT_BOOTSTRAP_SERVERS:-} ]]; then
    echo "set CONNECT_BOOTSTRAP_SERVERS to where Kafka is, such as kafka:9092" >&2
    exit 2
fi

# A worker ends when it can resolve no name of Kafka: where DNS comes up later, that is waited for.
resolves() {
    local server
    for server in ${CONNECT_BOOTSTRAP_SERVERS//,/ }; do
        ! getent hosts "${server%:*}" >/dev/null || return 0
    done
    return 1
}
trap 'exit 143' TERM INT
until resolves; do
    echo "no name of $CONNECT_BOOTSTRAP_SERVERS is known to DNS; trying again in 2 s" >&2
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

read -ra heap <<<"${KAFKA_HEAP_OPTS:--XX:MaxRAMPercentage=70}"
exec java "${heap[@]}" -Dlog4j2.configurationFile=/opt/connect/log4j2.properties \
    -cp '/opt/connect/kafka/*' org.apache.kafka.connect.cli.ConnectDistributed "$properties"
