#!/usr/bin/env bash
# Starts a Connect worker: CONNECT_GROUP_ID=x in the environment is group.id=x of the worker.
set -euo pipefail

if [[ -z ${CONNECT_BOOTSTRAP_SERVERS:-} ]]; then
    echo "set CONNECT_BOOTSTRAP_SERVERS to where Kafka is, such as kafka:9092" >&2
    exit 2
fi

umask 077 # there may be passwords in it
for variable in "${!CONNECT_@}"; do
    name=${variable#CONNECT_}
    name=${name,,}
    value=${!variable}
    value=${value//\\/\\\\}
    printf '%s=%s\n' "${name//_/.}" "${value//$'\n'/\\n}"
done >/tmp/worker.properties

read -ra heap <<<"${KAFKA_HEAP_OPTS:--XX:MaxRAMPercentage=70}"
exec java "${heap[@]}" -Dlog4j2.configurationFile=/opt/connect/log4j2.properties \
    -cp '/opt/connect/kafka/*' org.apache.kafka.connect.cli.ConnectDistributed /tmp/worker.properties
