# The services in one small image: the sources as they are, production dependencies only, no build step.
FROM node:26-slim AS packages
WORKDIR /footfall
COPY package.json package-lock.json .npmrc ./
# The platform packages bring a Node of their own, which this image has already.
RUN npm ci --omit=dev --omit=optional

FROM node:26-slim
ENV NODE_ENV=production
WORKDIR /footfall
COPY --from=packages /footfall/node_modules node_modules
COPY package.json footfall.ts ./
COPY broker broker
COPY processor processor
COPY api api
COPY shared shared
COPY deploy/influx deploy/influx
USER node
EXPOSE 1883 8080
# As npm start has it: what is left over from the start would keep 20 MB of memory in use.
ENTRYPOINT ["node", "--max-semi-space-size=8", "footfall.ts"]
CMD ["start"]
