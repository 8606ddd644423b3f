# syntax=docker/dockerfile:1

# One static binary: musl needs nothing of the system it runs on.
FROM rust:1.95-alpine AS build
RUN apk add --no-cache make musl-dev
WORKDIR /src
COPY . .
# What `limpid --version` names: --build-arg LIMPID_COMMIT=$(git rev-parse --short=9 HEAD)
ARG LIMPID_COMMIT
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin limpid && cp target/release/limpid /limpid
# Copied below with its owner: an empty volume takes over what it finds at its place.
RUN mkdir /data

FROM scratch
COPY --from=build /limpid /limpid
COPY --from=build --chown=10001:10001 /data /data
USER 10001:10001
VOLUME /data
EXPOSE 6379
# Both the server and the client take the password from LIMPID_PASSWORD.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["/limpid", "cli", "ping"]
ENTRYPOINT ["/limpid"]
# Within a container loopback reaches nobody, so this listens for whoever the container's network lets in, and so it
# starts only with a password: docker run -e LIMPID_PASSWORD=... (or with a file that sets one, and its name here).
CMD ["--bind", "0.0.0.0", "--dir", "/data"]
