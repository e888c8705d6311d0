/**
 * Logarithm and exponential out of + - * /, which IEEE 754 rounds alike everywhere, so that their bits are the same in
 * every JavaScript engine; of Math.log and Math.exp the language leaves the last bits open. Both are within 2 units in
 * the last place of the true value.
 */

// ln 2 in two parts, of which the first has its last 32 bits 0, so that a multiple below 2^20 of it is exact.
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

/**
 * The natural logarithm: x = m 2^n with m between sqrt(1/2) and sqrt(2), and log m = 2 atanh((m - 1) / (m + 1)), whose
 * series in z^2 <= 0.0295 ends where a term is below 2^-56 of the first.
 * @param x above 0, finite
 */
export function portableLog(x: number): number {
  let m = x;
  let n = 0;
  for (; m < Math.SQRT1_2; n--) m *= 2;
  for (; m >= Math.SQRT2; n++) m *= 0.5;
  const z = (m - 1) / (m + 1);
  const zz = z * z;
  let series = 1 / 21;
  for (let odd = 19; odd >= 3; odd -= 2) series = series * zz + 1 / odd;
  return n * LN2_HIGH + (2 * z + (2 * z * zz * series + n * LN2_LOW));
}

/**
 * e to the power of x: x = n ln 2 + r with |r| <= 0.35, and the series of e^r to r^13.
 * @param x finite; 0 comes out below -745.2, Infinity above 709.4
 */
export function portableExp(x: number): number {
  if (x < -750) return 0;
  if (x > 720) return Number.POSITIVE_INFINITY;
  const n = Math.floor(x * Math.LOG2E + 0.5);
  const r = x - n * LN2_HIGH - n * LN2_LOW;
  let series = 1;
  for (let k = 13; k >= 1; k--) series = 1 + (series * r) / k;
  // Powers of two are exact, however they are multiplied.
  let power = n < 0 ? 0.5 : 2;
  for (let left = Math.abs(n); left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) series *= power;
    power *= power;
  }
  return series;
}
