#!/usr/bin/env bash
# Runs a command, such as `tvrec spark train`; or as `executor` what Spark starts on Kubernetes, with
# all it needs to know in the environment.
set -euo pipefail

[[ ${1:-} == executor ]] || exec "$@"

options=()
while option=SPARK_JAVA_OPT_${#options[@]} && [[ -v $option ]]; do
    options+=("${!option}")
done
exec java "${options[@]}" "-Xms$SPARK_EXECUTOR_MEMORY" "-Xmx$SPARK_EXECUTOR_MEMORY" \
    -cp "${SPARK_CLASSPATH:+$SPARK_CLASSPATH:}$SPARK_HOME/jars/*" \
    org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \
    --driver-url "$SPARK_DRIVER_URL" \
    --executor-id "$SPARK_EXECUTOR_ID" \
    --cores "$SPARK_EXECUTOR_CORES" \
    --app-id "$SPARK_APPLICATION_ID" \
    --hostname "$SPARK_EXECUTOR_POD_IP" \
    --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" \
    --podName "$SPARK_EXECUTOR_POD_NAME"
