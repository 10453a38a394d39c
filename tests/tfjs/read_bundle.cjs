// Reads a bundle with the libraries that Piximi reads it with (JSZip, zarr.js, TensorFlow.js),
// by the rules of its reader, and prints what it found as JSON.
"use strict";
const fs = require("fs");
const JSZip = require("jszip");
const { openGroup, KeyError } = require("zarr");

async function open(path) {
  const zip = await JSZip.loadAsync(fs.readFileSync(path));
  const roots = Object.keys(zip.files).filter((name) => zip.files[name].dir && /.*\.zarr\/$/.test(name));
  if (roots.length !== 1) throw new Error("Could not determine zarr root");
  const name = roots[0].split(".")[0];
  const store = {
    keys: async () => Object.keys(zip.files),
    getItem: async (key) => {
      const file = zip.file(key);
      if (!file) throw new KeyError(key);
      return file.async("arraybuffer");
    },
    containsItem: async (key) => zip.file(key) !== null,
  };
  return { zip, root: await openGroup(store, `${name}.zarr`, "r") };
}

async function attributes(group, ...names) {
  const found = {};
  for (const name of names) found[name] = await group.attrs.getItem(name);
  return found;
}

async function raw(group, name) {
  const array = await group.getItem(name);
  return { array, values: await array.getRaw() };
}

async function readThing(things, name) {
  const group = await things.getItem(name);
  const thing = await attributes(
    group, "thing_id", "active_plane", "class_category_id", "classifier_partition", "kind");
  const { array, values } = await raw(group, name);
  if (!(values.data instanceof Float32Array)) throw new Error("tensor4d() requires values");
  const [planes] = values.shape;
  if (thing.active_plane >= planes) throw new Error(`${name}: begin + size would overflow`);
  thing.name = name;
  thing.bit_depth = await array.attrs.getItem("bit_depth");
  thing.shape = values.shape;
  thing.data = Buffer.from(values.data.buffer, values.data.byteOffset, values.data.byteLength)
    .toString("base64");
  if (thing.kind === "Image") {
    const colors = await group.getItem("colors");
    thing.contents = await group.attrs.getItem("contents");
    for (const part of ["range_min", "range_max", "visible_B", "color"]) {
      thing[part] = Array.from((await raw(colors, part)).values.data);
    }
  } else {
    Object.assign(thing, await attributes(group, "bbox", "mask", "image_id"));
  }
  return thing;
}

async function readModel(kind, name) {
  const model = await kind.getItem(name);
  const info = await model.getItem("model_info");
  const pre = await info.getItem("preprocessing_settings");
  return {
    ...(await attributes(model, "name")),
    ...(await attributes(info, "eval_results", "class_map")),
    ...(await attributes(pre, "shuffle_B", "training_percent")),
    ...(await attributes(await pre.getItem("rescale_options"), "rescale_B", "center_B")),
    ...(await attributes(await pre.getItem("crop_options"), "num_crops", "crop_schema")),
    ...(await attributes(
      await info.getItem("optimizer_settings"), "metrics", "epochs", "batch_size",
      "optimization_algorithm", "learning_rate", "loss_function")),
    input_shape: Array.from((await raw(pre, "input_shape")).values.data),
  };
}

async function main(path) {
  const { zip, root } = await open(path);
  const project = await root.getItem("project");
  const things = await project.getItem("things");
  const found = {
    ...(await attributes(root, "version")),
    ...(await attributes(project, "name", "imageChannels")),
    kinds: await attributes(
      await project.getItem("kinds"),
      "kind_id", "contents", "categories", "unknown_category_id", "display_name"),
    categories: await attributes(
      await project.getItem("categories"), "category_id", "color", "name", "kind", "contents"),
    segmenter: await attributes(await root.getItem("segmenter"), "name"),
    things: [],
    models: {},
  };
  for (const name of await things.attrs.getItem("thing_names")) {
    found.things.push(await readThing(things, name));
  }
  const classifier = await root.getItem("classifier");
  for (const kindId of await classifier.attrs.getItem("classifier_kinds")) {
    const kind = await classifier.getItem(kindId);
    found.models[kindId] = {};
    for (const name of await kind.attrs.getItem("models")) {
      found.models[kindId][name] = await readModel(kind, name);
    }
  }
  found.files = Object.keys(zip.files).filter((name) => /.json$|.weights.bin$/.test(name));
  console.log(JSON.stringify(found));
}

main(process.argv[2]).catch((error) => {
  console.error(error);
  process.exit(1);
});
