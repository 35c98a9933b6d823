# A project's workers: its production dependencies in one layer, its code in the last. `af up` and
# `af image build` prepare the context; without them it is the project's folder itself:
# docker build -f deploy/docker/project.Dockerfile --build-arg DEPENDENCIES=package*.json --build-arg CODE=. PROJECT
ARG WORKER_IMAGE=agentflow/worker

FROM ${WORKER_IMAGE} AS dependencies
ARG DEPENDENCIES=dependencies/
USER root
COPY ${DEPENDENCIES} /build/
RUN --mount=type=secret,id=ca,target=/run/build/ca.pem --mount=type=secret,id=npmrc,target=/root/.npmrc ["node", "/opt/agentflow/install.js", "/build", "/out"]

FROM ${WORKER_IMAGE}
ARG CODE=code/
COPY --from=dependencies /out/ /srv/project/
# Whatever the steps above the worker image have left.
USER 1000:1000
WORKDIR /srv/project
COPY ${CODE} /srv/project/
