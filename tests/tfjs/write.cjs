// Lets TensorFlow.js build and save models with seeded weights: node write.cjs FOLDER
"use strict";
const fs = require("fs");
const path = require("path");
const { tf, saver } = require("./backend.cjs");
const layers = tf.layers;

function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

function fill(model, seed) {
  const next = random(seed);
  model.setWeights(
    model.getWeights().map((weight, index) => {
      const positive = model.weights[index].originalName.endsWith("variance");
      const shape = weight.shape;
      // He's scaling: neither saturated nor constant outputs, which would agree with anything.
      const bound = shape.length > 1 ? Math.sqrt((6 * shape.at(-1)) / weight.size) : 0.4;
      const values = Float32Array.from({ length: weight.size }, () =>
        positive ? 0.5 + next() : (2 * next() - 1) * bound,
      );
      return tf.tensor(values, shape);
    }),
  );
  return model;
}

function simple() {
  const model = tf.sequential();
  const kernelInitializer = tf.initializers.varianceScaling({
    scale: 1,
    mode: "fanIn",
    distribution: "normal",
  });
  const conv = { kernelSize: 5, strides: 1, activation: "relu", kernelInitializer };
  model.add(layers.conv2d({ ...conv, inputShape: [24, 20, 2], filters: 8 }));
  model.add(layers.maxPooling2d({ poolSize: 2, strides: 2 }));
  model.add(layers.conv2d({ ...conv, filters: 16 }));
  model.add(layers.maxPooling2d({ poolSize: 2, strides: 2 }));
  model.add(layers.flatten());
  model.add(layers.dense({ units: 4, kernelInitializer, activation: "softmax" }));
  return model;
}

function nested() {
  const inside = tf.input({ shape: [12, 12, 3] });
  const conv = layers.conv2d({ filters: 4, kernelSize: 3, name: "inner_conv" }).apply(inside);
  const normed = layers.batchNormalization({ name: "inner_bn" }).apply(conv);
  const inner = tf.model({ inputs: inside, outputs: normed, name: "inner" });
  const tail = tf.sequential({ name: "tail" });
  tail.add(layers.depthwiseConv2d({ kernelSize: 3, inputShape: [10, 10, 4], name: "tail_dw" }));
  tail.add(layers.separableConv2d({ filters: 5, kernelSize: 2, name: "tail_sep" }));
  const outside = tf.input({ shape: [12, 12, 3], name: "outside" });
  const once = inner.apply(outside);
  const shared = layers.reLU({ maxValue: 6, name: "clip" });
  const sum = layers.add().apply([shared.apply(once), layers.leakyReLU({ alpha: 0.2 }).apply(once)]);
  const flat = layers.flatten().apply(tail.apply(shared.apply(sum)));
  const outputs = layers.dense({ units: 3, activation: "softmax" }).apply(flat);
  return tf.model({ inputs: outside, outputs, name: "outer" });
}

function first() {
  const inside = tf.input({ shape: [9, 9, 1] });
  const outputs = layers.conv2d({ filters: 3, kernelSize: 3, padding: "same" }).apply(inside);
  const model = tf.sequential();
  model.add(tf.model({ inputs: inside, outputs, name: "head" }));
  model.add(layers.globalAveragePooling2d({}));
  model.add(layers.dense({ units: 2, activation: "softmax" }));
  return model;
}

function merges() {
  const inputs = [tf.input({ shape: [6] }), tf.input({ shape: [6] })];
  const dense = layers.dense({ units: 5, activation: "tanh" });
  const pair = inputs.map((input) => dense.apply(input));
  const merged = [
    layers.add(), layers.average(), layers.maximum(), layers.minimum(), layers.multiply(),
    layers.concatenate({ axis: -1 }), layers.dot({ axes: -1 }), layers.dot({ axes: 1, normalize: true }),
  ].map((layer) => layer.apply(pair));
  return tf.model({ inputs, outputs: layers.concatenate().apply(merged) });
}

function chain(...list) {
  const model = tf.sequential();
  for (const layer of [...list, layers.dense({ units: 3, activation: "softmax" })]) model.add(layer);
  return model;
}

function vectors() {
  return chain(
    layers.inputLayer({ inputShape: [12] }), layers.prelu(), layers.leakyReLU({ alpha: 0.2 }),
    layers.dense({ units: 12, activation: "logSoftmax" }), layers.layerNormalization(),
    layers.gaussianNoise({ stddev: 0.1 }), layers.elu({}), layers.alphaDropout({ rate: 0.1 }),
    layers.dense({ units: 9, activation: "selu" }), layers.gaussianDropout({ rate: 0.1 }),
    layers.thresholdedReLU({ theta: 0.1 }), layers.dense({ units: 9, activation: "softsign" }),
    layers.activation({ activation: "swish" }), layers.dense({ units: 9, activation: "mish" }),
    layers.dense({ units: 9, activation: "softplus" }), layers.softmax({ axis: -1 }),
    layers.dense({ units: 9, activation: "sigmoid" }),
  );
}

function signals() {
  return chain(
    layers.dense({ units: 6, inputShape: [8], activation: "tanh" }), layers.repeatVector({ n: 5 }),
    layers.permute({ dims: [2, 1] }), layers.conv1d({ filters: 8, kernelSize: 3, padding: "same" }),
    layers.spatialDropout1d({ rate: 0.1 }), layers.maxPooling1d({ poolSize: 2 }),
    layers.averagePooling1d({ poolSize: 2, strides: 1, padding: "same" }),
    layers.globalMaxPooling1d(),
  );
}

function images() {
  return chain(
    layers.conv2dTranspose({
      filters: 4, kernelSize: 3, strides: 2, padding: "same", inputShape: [6, 8, 2] }),
    layers.cropping2D({ cropping: [[1, 2], [0, 3]] }),
    layers.zeroPadding2d({ padding: [[1, 0], [2, 1]] }), layers.upSampling2d({ size: [2, 1] }),
    layers.averagePooling2d({ poolSize: 2, padding: "same" }), layers.rescaling({ scale: 2, offset: 0.25 }),
    layers.maxPooling2d({ poolSize: 3, strides: 1 }), layers.dropout({ rate: 0.1 }),
    layers.conv2d({ filters: 4, kernelSize: 3, dilationRate: 2, useBias: false, activation: "relu6",
      kernelInitializer: "heUniform", kernelConstraint: tf.constraints.maxNorm({ maxValue: 2 }) }),
    layers.reshape({ targetShape: [4, 2, 2, 2] }), layers.conv3d({ filters: 3, kernelSize: [2, 2, 1] }),
    layers.maxPooling3d({ poolSize: [2, 1, 1] }), layers.flatten(),
  );
}

// Rewrites NAME.json with its float32 weights quantized, each in another way.
function quantize(source, target) {
  const document = JSON.parse(fs.readFileSync(source, "utf8"));
  const [group] = document.weightsManifest;
  const data = fs.readFileSync(path.join(path.dirname(source), group.paths[0]));
  const parts = [];
  let offset = 0;
  group.weights = group.weights.map((spec, index) => {
    const count = spec.shape.reduce((a, b) => a * b, 1);
    const values = Array.from({ length: count }, (_, at) => data.readFloatLE(offset + 4 * at));
    offset += 4 * count;
    const wide = index % 2 === 1;
    const min = Math.min(...values);
    const scale = (Math.max(...values) - min) / (wide ? 65535 : 255) || 1;
    const levels = values.map((value) => Math.round((value - min) / scale));
    parts.push(Buffer.from((wide ? Uint16Array : Uint8Array).from(levels).buffer));
    return { ...spec, quantization: { dtype: wide ? "uint16" : "uint8", min, scale } };
  });
  const stem = path.basename(target, ".json");
  group.paths = [`./${stem}.weights.bin`];
  fs.writeFileSync(path.join(path.dirname(target), `${stem}.weights.bin`), Buffer.concat(parts));
  fs.writeFileSync(target, JSON.stringify(document));
}

async function main(folder) {
  const models = { simple, nested, first, merges, vectors, signals, images };
  let seed = 1;
  for (const [name, build] of Object.entries(models)) {
    await fill(build(), seed++).save(saver(path.join(folder, `${name}.json`)));
  }
  await fill(simple(), 9).save(saver(path.join(folder, "sharded.json"), 1000));
  quantize(path.join(folder, "simple.json"), path.join(folder, "quantized.json"));
}

main(process.argv[2]);
