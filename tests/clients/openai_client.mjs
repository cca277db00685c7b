// The official `openai` client of npm, unmodified: asks, and answers as a worker, and tells what came of it.

import OpenAI, { toFile } from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, timeout: 30_000 });
const found = {};

const take = async (queue) => {
  const queues = [`${queue}:0`, `${queue}:1`];
  const taken = await client.post("/queue/take", { body: { queues, wait_seconds: 10 } });
  return Object.values(taken)[0][0];
};
const tell = (task, event_data) =>
  client.post(`/queue/${task.task_id}/progress`, { body: { event_data, lease_id: task.lease_id } });
const complete = (task, body, status_code = 200) =>
  client.post(`/queue/${task.task_id}/complete`, { body: { status_code, body, lease_id: task.lease_id } });
const answer = async (queue, body, status) => complete(await take(queue), body, status);
const stream = async (queue, events, body) => {
  const task = await take(queue);
  for (const event of events) await tell(task, event);
  await complete(task, body);
};
const collect = async (events) => {
  const all = [];
  for await (const event of events) all.push(event);
  return all;
};
const refused = async (call) => {
  try {
    await call();
  } catch (error) {
    return { name: error.constructor.name, status: error.status, code: error.code, id: Boolean(error.requestID) };
  }
  return null;
};

for (const [queue, endpoint, model] of [
  ["chat", "/v1/chat/completions", "org/chat"],
  ["embed", "/v1/embeddings", "e"],
  ["answers", "/v1/responses", "r"],
]) {
  await client.post("/queue/register", { body: { queue, endpoint, models: [model] } });
}

const messages = [{ role: "user", content: "Say hi" }];
const whole = {
  id: "c",
  object: "chat.completion",
  created: 1,
  model: "org/chat",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "Hi" } }],
};
const chunk = (content, finish_reason = null) => ({
  id: "c",
  object: "chat.completion.chunk",
  created: 1,
  model: "org/chat",
  choices: [{ index: 0, delta: { role: "assistant", content }, finish_reason }],
});

const chat = { model: "org/chat", messages };
let working = answer("chat", whole);
found.chat = (await client.chat.completions.create(chat)).choices[0].message.content;
await working;

working = stream("chat", [chunk("H"), chunk("i", "stop")]);
const chunks = await collect(await client.chat.completions.create({ ...chat, stream: true }));
found.chunks = chunks.map((one) => one.choices[0].delta.content);
await working;

working = stream("chat", [chunk("H"), chunk("i", "stop")]);
found.helper = await client.chat.completions.stream(chat).finalContent();
await working;

const vector = { object: "embedding", index: 0, embedding: [0.5, -0.25] };
working = answer("embed", { object: "list", model: "e", data: [vector] });
found.embedding = (await client.embeddings.create({ model: "e", input: "x", encoding_format: "float" })).data[0].embedding;
await working;

working = answer("answers", "Hi");
found.response = (await client.responses.create({ model: "r", input: "Say hi" })).output_text;
await working;

working = stream("answers", ["H", "i"]);
const helper = client.responses.stream({ model: "r", input: "Say hi" });
found.order = (await collect(helper)).map((event) => event.type);
found.final = (await helper.finalResponse()).output_text;
await working;

const begun = await client.responses.create({ model: "r", input: "Say hi", background: true });
const task = await take("answers");
const during = (await client.responses.retrieve(begun.id)).status;
await complete(task, "Hi");
const after = await client.responses.retrieve(begun.id);
found.background = [begun.status, during, after.status, after.output_text];
const rest = await client.responses.retrieve(begun.id, { stream: true, starting_after: 4 });
found.rest = (await collect(rest)).map((event) => event.sequence_number);

const unwanted = await client.responses.create({ model: "r", input: "Say hi", background: true });
found.cancelled = (await client.responses.cancel(unwanted.id)).status;

found.models = (await collect(client.models.list())).map((model) => model.id).sort();
found.model = (await client.models.retrieve("org/chat")).id;

found.missing = await refused(() => client.responses.retrieve("resp_0000000000001"));
found.stranger = await refused(() => new OpenAI({ baseURL, apiKey: "wrong" }).models.list());
working = answer("chat", { error: { message: "no", code: "why" } }, 422);
found.refused = await refused(() => client.chat.completions.create(chat));
await working;

const row = { custom_id: "a", method: "POST", url: "/v1/embeddings", body: { model: "e", input: "x" } };
const file = await client.files.create({ file: await toFile(Buffer.from(JSON.stringify(row)), "rows.jsonl"), purpose: "batch" });
let batch = await client.batches.create({ input_file_id: file.id, endpoint: "/v1/embeddings", completion_window: "24h" });
await answer("embed", { object: "list", model: "e", data: [vector] });
const giveUp = Date.now() + 30_000;
while (batch.status !== "completed" && Date.now() < giveUp) batch = await client.batches.retrieve(batch.id);
const lines = await (await client.files.content(batch.output_file_id)).text();
found.batch = [batch.status, JSON.parse(lines).custom_id];
found.files = (await collect(client.files.list({ purpose: "batch" }))).map((one) => one.filename);
found.deleted = (await client.files.delete(file.id)).deleted;

console.log(JSON.stringify(found));
