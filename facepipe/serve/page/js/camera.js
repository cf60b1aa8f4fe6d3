/** The browser's camera: opened on demand, its tracks stopped when it is no longer looked at. */

/** `code`: insecure, none, refused, taken (by another program), failed. */
export class CameraProblem extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

const PROBLEMS = {
  NotFoundError: "none",
  OverconstrainedError: "none",
  NotAllowedError: "refused",
  SecurityError: "refused",
  NotReadableError: "taken",
  AbortError: "taken",
};

/** Whether the visitor has allowed the camera before, so that it may open without being asked for. */
export async function allowed() {
  try {
    return (await navigator.permissions.query({ name: "camera" })).state === "granted";
  } catch {
    return false; // not every browser can be asked this
  }
}

export class Camera {
  #stream;
  #canvas = document.createElement("canvas");

  /** Open a camera (`device`: its id, or any that shows the user) and play it in `video`. Raises CameraProblem. */
  static async open(video, device) {
    if (!window.isSecureContext || !navigator.mediaDevices) throw new CameraProblem("insecure");
    const which = device ? { deviceId: { exact: device } } : { facingMode: "user" };
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        video: { ...which, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } },
      });
      video.srcObject = stream;
      await video.play();
      return new Camera(video, stream);
    } catch (error) {
      for (const track of stream?.getTracks() ?? []) track.stop();
      throw new CameraProblem(PROBLEMS[error.name] ?? "failed");
    }
  }

  constructor(video, stream) {
    this.video = video;
    this.#stream = stream;
    const [track] = stream.getVideoTracks();
    const { facingMode, deviceId } = track.getSettings();
    this.device = deviceId;
    this.mirrored = facingMode !== "environment"; // as in a mirror, unless it looks away from the user
    track.addEventListener("ended", () => this.onend?.()); // unplugged; not after stop()
  }

  /** The cameras to choose from: [{deviceId, label}]. */
  static async list() {
    return (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === "videoinput");
  }

  /** What the camera sees now as a JPEG {blob, size: [w, h]}, at most `side` px and `bytes` long; null before it shows. */
  async grab(side, bytes = 2 ** 20) {
    const { videoWidth, videoHeight } = this.video;
    if (videoWidth === 0) return null;
    const scale = Math.min(1, side / Math.max(videoWidth, videoHeight));
    const size = [Math.round(videoWidth * scale), Math.round(videoHeight * scale)];
    [this.#canvas.width, this.#canvas.height] = size;
    this.#canvas.getContext("2d").drawImage(this.video, 0, 0, ...size);
    for (const quality of [0.9, 0.75, 0.5]) {
      const blob = await new Promise((resolve) => this.#canvas.toBlob(resolve, "image/jpeg", quality));
      if (blob !== null && blob.size <= bytes) return { blob, size };
    }
    return null;
  }

  stop() {
    for (const track of this.#stream.getTracks()) track.stop();
    this.video.srcObject = null;
  }
}
