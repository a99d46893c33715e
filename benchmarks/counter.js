// Reads the number out of a simulated picture on the screen (media/synthetic_picture.py): 24 squares in the upper left.
(video) => {
  const WIDE = 320, CELL = WIDE / 32;
  const canvas = (window.counterCanvas ||= Object.assign(document.createElement("canvas"), { width: WIDE, height: 32 }));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(video, 0, 0, WIDE, Math.round((WIDE * video.videoHeight) / video.videoWidth));
  const { data } = context.getImageData(0, 0, 8 * CELL, 3 * CELL);
  const row = (y) => {
    let bits = 0;
    for (let x = 0; x < 8; x++) bits = (bits << 1) | (data[4 * (Math.round((y + 0.5) * CELL) * 8 * CELL + Math.round((x + 0.5) * CELL))] > 125 ? 1 : 0);
    return bits;
  };
  const [high, low, check] = [row(0), row(1), row(2)];
  return check === (high ^ low ^ 0xa5) ? (high << 8) | low : null;
}
