# Both images of the compose file at the top, from a clone: `af` as the other Dockerfiles build it, and above
# it the project of examples/docker. docker build -f deploy/docker/demo.Dockerfile --target demo .
ARG BASE_IMAGE=node:24-slim

FROM ${BASE_IMAGE} AS files
COPY . /context/
RUN --mount=type=secret,id=ca,target=/run/build/ca.pem ["node", "/context/deploy/docker/assemble.js", "/context", "/opt/agentflow"]

FROM ${BASE_IMAGE} AS control-plane
USER 0:0
COPY --from=files /opt/agentflow /opt/agentflow
RUN ["node", "/opt/agentflow/folders.js"]
ENV NODE_ENV=production NODE_DISABLE_COMPILE_CACHE=1
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--max-semi-space-size=8", "--v8-pool-size=1", "/opt/agentflow/node_modules/@agentflow/cli/bin/run.js"]
USER 1000:1000
LABEL org.opencontainers.image.title="AgentFlow control plane" org.opencontainers.image.licenses="Apache-2.0"
CMD ["server"]

FROM control-plane AS dependencies
USER 0:0
COPY examples/docker/package*.json /build/
RUN --mount=type=secret,id=ca,target=/run/build/ca.pem ["node", "/opt/agentflow/install.js", "/build", "/out"]

FROM control-plane AS demo
WORKDIR /srv/project
COPY --from=dependencies /out/ /srv/project/
COPY examples/docker /srv/project/
LABEL org.opencontainers.image.title="AgentFlow demo"
CMD ["worker"]
