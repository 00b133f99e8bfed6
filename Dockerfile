# One image for every app: `args: [broker]`, `[coordinator]`, `[produce, TOPIC]`, `[consume, TOPIC]`, `[cluster]`, …
#
# Built by `npm run image` (docker, podman or buildah, whichever works), or by `docker build -t yak:dev .`. It runs as user 65532 on
# a read-only root file system, without a shell; node is process 1 and takes SIGTERM itself. The image holds node, the bundles and
# the three native modules, nothing else. Write nowhere but to mounted volumes: YAK_DATA_DIR names the one of a broker.
#
# Memory: node's own default is a heap of 259 MiB for every limit up to 512Mi, so that the kernel kills a small container before V8
# collects. --max-old-space-size-percentage (node 24.6) goes by the limit of the container, cgroup 1 and 2 alike. Measured, limit to
# heap_size_limit: 128Mi 67 MiB, 256Mi 131, 512Mi 259, 1Gi 560. The other half is for record batches in Buffers, code, threads and
# page cache; an idle broker has 105 MiB resident. So a pod sets resources.limits.memory and no more. To choose otherwise, replace the
# command, for node lets its command line win over NODE_OPTIONS:
#   command: ["/nodejs/bin/node", "--max-old-space-size=128", "/app/dist/bin/cli.cjs"]

# Needs node, npm and glibc; the base image needs node of the same major version as /nodejs/bin/node, as distroless has it.
ARG BUILD_IMAGE=docker.io/library/node:24-bookworm-slim
ARG BASE_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot

# Not empty, or buildah takes the base image itself for an intermediate one and removes it.
FROM ${BASE_IMAGE} AS base
WORKDIR /app
ENV NODE_ENV=production

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
COPY --from=base /nodejs/bin/node /runtime/node
RUN npm run build && /runtime/node tools/image-root.mjs /out

FROM base
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="YaK" \
      org.opencontainers.image.description="Yet another Kafka: a replicated message broker in TypeScript on NestJS" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/ /app/
USER 65532:65532
# Kafka (and for the outside), replication, Nest TCP (and for the outside), HTTP; the coordinator and its HTTP door.
EXPOSE 9092 9094 9192 3125 3126 8080 3180 8180
STOPSIGNAL SIGTERM
ENTRYPOINT ["/nodejs/bin/node", "--max-old-space-size-percentage=50", "/app/dist/bin/cli.cjs"]
CMD ["--help"]
