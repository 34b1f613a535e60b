#!/usr/bin/env bash
# Stand-ins for the base images of the Dockerfiles, for a machine that reaches package servers but
# no image registry. Each is Debian bookworm by debootstrap and gets the name that the Dockerfiles
# know, so `make images` then builds them unchanged. Needs Debian or Ubuntu, root, and
# apt install docker.io debootstrap.
#
# They are for trying things out: Debian's Python and Java in place of Docker's own images.
# Those in which things are built also take over this machine's settings of pip, uv and Maven, its
# proxies and its certificates: do not push them. The finished images have none of these.
set -euo pipefail

SUITE=bookworm
DEBIAN=tvrec/offline-base:$SUITE
PYTHON_BUILD=python:3.11-bookworm
PYTHON=python:3.11-slim-bookworm
MAVEN=maven:3.9-eclipse-temurin-17
JAVA=eclipse-temurin:17-jre

# The legacy builder needs no plug-in, and needs nothing from a registry.
export DOCKER_BUILDKIT=0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

main() {
    [[ $(id -u) == 0 ]] || stop "this must run as root: debootstrap and dockerd need it"
    local tool
    for tool in docker dockerd debootstrap; do
        command -v "$tool" >/dev/null || stop "there is no $tool (apt install docker.io debootstrap)"
    done
    start_engine
    have "$DEBIAN" || make_debian
    have "$PYTHON" || installed "$PYTHON" ca-certificates python3
    have "$JAVA" || make_java
    have "$PYTHON_BUILD" || with_settings "$PYTHON_BUILD" gcc libc6-dev python3-dev python3-venv
    have "$MAVEN" || with_settings "$MAVEN" maven openjdk-17-jdk-headless
    docker images
}

stop() {
    echo "images-offline: $*" >&2
    exit 1
}

have() { docker image inspect "$1" >/dev/null 2>&1; }

# Start an engine if none answers. It leaves the machine's firewall alone, so containers reach each
# other and this machine, and nothing else; builds use the network of the machine (--network host).
start_engine() {
    docker info >/dev/null 2>&1 && return
    local log=/var/log/dockerd-offline.log
    echo "starting dockerd; its log is $log"
    setsid dockerd --iptables=false --ip6tables=false \
        ${DOCKER_HOST:+--host "$DOCKER_HOST"} >"$log" 2>&1 &
    for _ in {1..30}; do
        docker info >/dev/null 2>&1 && return
        sleep 1
    done
    tail -n 5 "$log" >&2
    stop "dockerd does not answer"
}

make_debian() {
    echo "$DEBIAN: debootstrap"
    debootstrap --variant=minbase "$SUITE" "$work/root" >"$work/log" || { tail "$work/log"; exit 1; }
    rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/*
    tar -C "$work/root" -c . | docker import --change 'CMD ["bash"]' - "$DEBIAN" >/dev/null
    rm -rf "$work/root"
}

# installed NAME PACKAGE...: Debian with packages.
installed() {
    local name=$1
    shift
    echo "$name: $*"
    docker build --quiet --network host --tag "$name" - >/dev/null <<END
FROM $DEBIAN
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends $* >/dev/null \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
END
}

make_java() {
    installed "$JAVA" ca-certificates openjdk-17-jre-headless
    # Also where Docker's own has it, for an image that takes no more than Java from there.
    docker build --quiet --tag "$JAVA" - >/dev/null <<END
FROM $JAVA
RUN mkdir /opt/java && cp -RL "\$(dirname "\$(dirname "\$(readlink -f /usr/bin/java)")")" /opt/java/openjdk
END
}

# with_settings NAME PACKAGE...: the same, with what this machine needs to reach packages.
with_settings() {
    local name=$1 settings=$work/settings variable
    shift
    echo "$name: $*"
    mkdir -p "$settings"/{certificates,etc,root/.config/{pip,uv},root/.m2}
    take /usr/local/share/ca-certificates/*.crt "$settings/certificates"
    take /etc/pip.conf "$settings/etc"
    take ~/.config/pip/pip.conf "$settings/root/.config/pip"
    take ~/.config/uv/uv.toml "$settings/root/.config/uv"
    take ~/.m2/settings.xml "$settings/root/.m2"
    {
        echo "FROM $DEBIAN"
        echo "COPY certificates /usr/local/share/ca-certificates"
        # Before Java is installed, which makes its own copy of the certificates.
        echo "RUN apt-get update -qq \\"
        echo "    && apt-get install -qq -y --no-install-recommends ca-certificates >/dev/null \\"
        echo "    && apt-get install -qq -y --no-install-recommends $* >/dev/null"
        echo "COPY etc /etc"
        echo "COPY root /root"
        echo "ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"
        echo "ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt"
        for variable in {http,https,no}_proxy {HTTP,HTTPS,NO}_PROXY \
            {PIP,UV}_{INDEX_URL,EXTRA_INDEX_URL} UV_{DEFAULT_INDEX,INDEX}; do
            [[ -z ${!variable:-} ]] || echo "ENV $variable=\"${!variable}\""
        done
    } >"$settings/Dockerfile"
    docker build --quiet --network host --tag "$name" "$settings" >/dev/null
}

# take FILE... FOLDER: copy those that are there.
take() {
    local folder=${*: -1} file
    for file in "${@:1:$#-1}"; do
        if [[ -f $file ]]; then cp "$file" "$folder"; fi
    done
}

main
