// Runs models with TensorFlow.js as Piximi would: reads jobs from stdin, writes outputs to stdout.
// A job: {model: "NAME.json", inputs: [{shape, values, dtype}], save: "OTHER.json" or absent,
// loops: whether the graph has control flow}
"use strict";
const fs = require("fs");
const path = require("path");
const { tf, saver } = require("./backend.cjs");

function loader(file) {
  return {
    load: async () => {
      const document = JSON.parse(fs.readFileSync(file, "utf8"));
      return tf.io.getModelArtifactsForJSON(document, async (manifest) => {
        const specs = manifest.flatMap((group) => group.weights);
        const shards = manifest
          .flatMap((group) => group.paths)
          .map((name) => fs.readFileSync(path.join(path.dirname(file), name)));
        const data = Buffer.concat(shards);
        return [specs, data.buffer.slice(data.byteOffset, data.byteOffset + data.length)];
      });
    },
  };
}

async function run(job) {
  const { format } = JSON.parse(fs.readFileSync(job.model, "utf8"));
  const load = format === "graph-model" ? tf.loadGraphModel : tf.loadLayersModel;
  const model = await load(loader(job.model));
  const inputs = job.inputs.map(({ shape, values, dtype }) => tf.tensor(values, shape, dtype));
  const given = inputs.length === 1 ? inputs[0] : inputs;
  const outputs = [job.loops ? await model.executeAsync(given) : model.predict(given)].flat();
  if (job.save) await model.save(saver(job.save));
  return outputs.map((output) => ({ shape: output.shape, values: Array.from(output.dataSync()) }));
}

async function main() {
  await tf.setBackend("cpu");
  const results = [];
  for (const job of JSON.parse(fs.readFileSync(0, "utf8"))) {
    results.push(await run(job).catch((error) => ({ error: String(error.message) })));
  }
  process.stdout.write(JSON.stringify(results));
}

main();
