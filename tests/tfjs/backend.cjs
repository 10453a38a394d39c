// TensorFlow.js without its greeting, and a way to save a model to files.
"use strict";
const fs = require("fs");
const path = require("path");

console.warn = () => {};
console.log = () => {};
const tf = require("@tensorflow/tfjs");

function saver(file, shardBytes = Infinity) {
  return tf.io.withSaveHandler(async (artifacts) => {
    const { weightData, weightSpecs, ...document } = artifacts;
    const stem = path.basename(file, ".json");
    const data = Buffer.from(weightData);
    const names = [];
    for (let at = 0; at < data.length; at += shardBytes) {
      const name = shardBytes === Infinity ? `${stem}.weights.bin` : `${stem}-${names.length}.bin`;
      fs.writeFileSync(path.join(path.dirname(file), name), data.subarray(at, at + shardBytes));
      names.push(`./${name}`);
    }
    document.weightsManifest = [{ paths: names, weights: weightSpecs }];
    fs.writeFileSync(file, JSON.stringify(document));
    return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: "JSON" } };
  });
}

module.exports = { tf, saver };
