# The control plane.
# The context is the installed af, as `af up` and `af image build` give it, or the root of a clone:
# docker build -f deploy/docker/control-plane.Dockerfile .
# It writes to its volumes and /tmp alone. A compile cache would cost memory and save 0.1 s at each start.
ARG BASE_IMAGE=node:24-slim

FROM ${BASE_IMAGE} AS files
COPY . /context/
RUN --mount=type=secret,id=ca,target=/run/build/ca.pem --mount=type=secret,id=npmrc,target=/root/.npmrc ["node", "/context/deploy/docker/assemble.js", "/context", "/opt/agentflow"]

FROM ${BASE_IMAGE}
USER 0:0
COPY --from=files /opt/agentflow /opt/agentflow
RUN ["node", "/opt/agentflow/folders.js"]
ENV NODE_ENV=production NODE_DISABLE_COMPILE_CACHE=1
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--max-semi-space-size=8", "--v8-pool-size=1", "/opt/agentflow/node_modules/@agentflow/cli/bin/run.js"]
USER 1000:1000
LABEL org.opencontainers.image.title="AgentFlow control plane" org.opencontainers.image.licenses="Apache-2.0"
CMD ["server"]
