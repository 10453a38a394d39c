// Loads the classifiers of a bundle by the rules of Piximi: every pair of NAME.json and
// NAME.weights.bin in the zip is a layers model. Prints which could be loaded, and what of the
// others went wrong. With a project's categories it also reads each evaluation as the table does.
"use strict";
const fs = require("fs");
const JSZip = require("jszip");
const { tf } = require("./backend.cjs");

function pairs(zip) {
  const models = {};
  for (const name of Object.keys(zip.files)) {
    if (!/.json$|.weights.bin$/.test(name)) continue;
    const [stem, extension] = name.split(".");
    models[stem] = { ...models[stem], [extension === "json" ? "json" : "weights"]: zip.files[name] };
  }
  return models;
}

async function load({ json, weights }) {
  if (!json) throw new Error("Missing '.json' description file.");
  if (!weights) throw new Error("Missing '.bin' weights file.");
  const document = JSON.parse(await json.async("string"));
  const data = await weights.async("arraybuffer");
  const specs = document.weightsManifest.flatMap((group) => group.weights);
  const artifacts = await tf.io.getModelArtifactsForJSON(document, async () => [specs, data]);
  const model = await tf.loadLayersModel({ load: async () => artifacts });
  return model.outputs[0].shape;
}

function table({ categories, results }) {
  return results.map((result) => {
    const rows = categories.map((_, i) => categories.map((_, j) => result.confusionMatrix[i][j]));
    const figures = [result.accuracy, result.crossEntropy, result.precision, result.recall,
                     result.f1Score].map((x) => (Number.isNaN(x) ? "N/A" : x.toFixed(3)));
    return { rows, figures };
  });
}

async function main(path) {
  await tf.setBackend("cpu");
  const zip = await JSZip.loadAsync(fs.readFileSync(path));
  const found = { loaded: {}, failed: {}, tables: [] };
  for (const [name, files] of Object.entries(pairs(zip))) {
    try {
      found.loaded[name] = await load(files);
    } catch (error) {
      found.failed[name] = String(error.message);
    }
  }
  found.tables = JSON.parse(fs.readFileSync(0, "utf8")).map(table);
  process.stdout.write(JSON.stringify(found));
}

main(process.argv[2]).catch((error) => {
  console.error(error);
  process.exit(1);
});
