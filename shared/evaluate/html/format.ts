/** 0.98214 -> "98.21%" */
export function percent(share: number, digits = 2): string {
  return `${minus((100 * share).toFixed(digits))}%`;
}

/** 0.0042 -> "+0.42", a difference in accuracy points */
export function signedPoints(share: number): string {
  const text = points(share);
  return Number(text) > 0 ? `+${text}` : text;
}

/** 0.0042 -> "0.42" */
export function points(share: number): string {
  return minus((100 * share).toFixed(2));
}

/** A true minus sign, and none before a zero. */
function minus(text: string): string {
  return text.startsWith("-") ? (Number(text) === 0 ? text.slice(1) : text.replace("-", "\u2212")) : text;
}

/** A number of moderate size with `digits` decimals. */
export function fixed(value: number, digits: number): string {
  return minus(value.toFixed(digits));
}

/** 1234567 -> "1,234,567" */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** 1234567 -> "1.23M"; numbers below 10,000 in full */
export function short(value: number): string {
  if (value < 10_000) return whole(value);
  return value.toLocaleString("en-US", { notation: "compact", maximumSignificantDigits: 3 });
}

/** Bytes in units of 1024: 2048 -> "2.0 KiB" */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let size = value;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 ? Math.round(size * 10) / 10 : size.toFixed(size < 10 ? 2 : 1)} ${units[unit]}`;
}

/** Seconds for a reader: 0.42 s, 12.3 s, 4 min 05 s, 2 h 07 min */
export function duration(seconds: number): string {
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const total = Math.round(seconds);
  if (total < 3600) return `${Math.floor(total / 60)} min ${pad(total % 60)} s`;
  const minutes = Math.round(total / 60);
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}

/** A p-value; below a thousandth only that is said. */
export function pValue(p: number): string {
  return p < 0.001 ? "< 0.001" : p.toFixed(3);
}

/** Milliseconds with three significant digits. */
export function milliseconds(ms: number): string {
  return `${ms >= 1000 ? whole(ms) : Number(ms.toPrecision(3))} ms`;
}
