/* The server's door. Every failure becomes a ServerError that says what kind it is. */

const TIMEOUT_MS = 15000;
let csrfToken = "";

/** kind: "away" (no server), "store" (database away), "signed-out", "no-account", "refused". */
export class ServerError extends Error {
  constructor(kind, message, status = 0) {
    super(message);
    this.kind = kind;
    this.status = status;
  }
}

const KIND_BY_STATUS = { 401: "signed-out", 502: "away", 503: "store", 504: "away" };

async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(path, {
      credentials: "same-origin", signal: AbortSignal.timeout(TIMEOUT_MS), ...options,
    });
  } catch {
    throw new ServerError("away", "the labelling server does not answer");
  }
  if (response.ok) return response;
  const { reason, code } = await reasonOf(response);
  const kind = code === "no_token" ? "no-account" : KIND_BY_STATUS[response.status] ?? "refused";
  throw new ServerError(kind, reason, response.status);
}

async function reasonOf(response) {
  try {
    const { error, code } = await response.json();
    return { reason: error ?? `status ${response.status}`, code };
  } catch {
    return { reason: `the server answered with status ${response.status}`, code: "" };
  }
}

async function getJson(path, options) {
  return readJson(await request(path, options));
}

async function readJson(response) {
  try {
    return await response.json();
  } catch {
    throw new ServerError("away", "the labelling server stopped in mid-answer");
  }
}

/** A server that was started anew knows another token: learn it and say it again, once. */
async function postJson(path, body) {
  try {
    return await readJson(await post(path, body));
  } catch (error) {
    if (error.status !== 403) throw error;
  }
  await getSession();
  return readJson(await post(path, body));
}

function post(path, body) {
  return request(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Skyvet-CSRF": csrfToken },
    body: JSON.stringify(body),
  });
}

/** The session: who labels what, and with which keys. Asked again after a restart, too. */
export async function getSession() {
  const session = await getJson("/api/session");
  csrfToken = session.csrf_token;
  return session;
}

/** Whether a token opens the page; fails as every call does where it does not. */
export const checkToken = (token) => (
  getJson("/api/session", { headers: { Authorization: `Bearer ${token}` } }));
export const getProgress = () => getJson("/api/progress");
export const getRecent = (n) => getJson(`/api/recent?n=${n}`);
export const askQueue = (body) => postJson("/api/queue", body);
export const releaseQueue = (keys, isSkipped = false) => (
  postJson("/api/queue/release", { keys, is_skipped: isSkipped }));
export const sendLabels = (events) => postJson("/api/labels", { events });

/** Light curve, periods and periodogram of a source. */
export const fetchSource = (address) => getJson(address);

/** Raw stamps: {shape: [3, height, width], buffer}. */
export async function fetchStamps(address) {
  const response = await request(address);
  const shape = (response.headers.get("X-Skyvet-Shape") ?? "").split(",").map(Number);
  try {
    return { shape, buffer: await response.arrayBuffer() };
  } catch {
    throw new ServerError("away", "the labelling server stopped in mid-answer");
  }
}
