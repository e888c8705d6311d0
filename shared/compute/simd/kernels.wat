;; Loops over arrays of 32-bit floats in one memory, four numbers (lanes) at a time. Pointers are in bytes, n counts
;; numbers. The last, partial four are computed like all others, and what stands behind n is what was there: every
;; number sees the same arithmetic wherever it stands, and no loop is written twice. So 12 bytes behind each array
;; must be readable; the arena keeps them.
;;
;; Optimisers take most of a step of a large layer, and are bound by instructions, not by memory. So they put what is
;; behind n back after the loop instead of keeping it out of every store, and hold constants in locals: one that is
;; written in a loop is made anew each time.
;;
;; Moments below the smallest normal float are stored as 0: decay ends at a subnormal number that rounding keeps for
;; good, as in a unit whose gradient stays 0, and arithmetic on those takes many times as long.
(module
  (import "arena" "memory" (memory 1))

  ;; p -= rate g + decay p
  (func (export "sgd") (param $p i32) (param $g i32) (param $n i32) (param $rate f32) (param $decay f32)
    (local $rates v128) (local $decays v128)
    (local $pi v128) (local $inside v128) (local $endP i32) (local $behindP v128)
    (local.set $rates (f32x4.splat (local.get $rate)))
    (local.set $decays (f32x4.splat (local.get $decay)))
    (block $done
      (br_if $done (i32.le_s (local.get $n) (i32.const 0)))
      (local.set $inside (call $insideLast (local.get $n)))
      (local.set $endP (i32.add (local.get $p) (call $lastFour (local.get $n))))
      (local.set $behindP (v128.load (local.get $endP)))
      (loop $next
        (local.set $pi (v128.load (local.get $p)))
        (v128.store (local.get $p)
          (f32x4.sub
            (local.get $pi)
            (f32x4.add
              (f32x4.mul (local.get $rates) (v128.load (local.get $g)))
              (f32x4.mul (local.get $decays) (local.get $pi)))))
        (local.set $p (i32.add (local.get $p) (i32.const 16)))
        (local.set $g (i32.add (local.get $g) (i32.const 16)))
        (local.set $n (i32.sub (local.get $n) (i32.const 4)))
        (br_if $next (i32.gt_s (local.get $n) (i32.const 0))))
      (call $putBack (local.get $endP) (local.get $behindP) (local.get $inside))))

  ;; d = factor g + decay p,   b = momentum b + d,   p -= lr (nesterov ? d + momentum b : b)
  (func (export "momentum")
    (param $p i32) (param $g i32) (param $b i32) (param $n i32)
    (param $factor f32) (param $lr f32) (param $momentum f32) (param $decay f32) (param $nesterov i32)
    (local $factors v128) (local $lrs v128) (local $momenta v128) (local $decays v128) (local $ahead v128)
    (local $smallest v128) (local $pi v128) (local $di v128) (local $bi v128)
    (local $inside v128) (local $endP i32) (local $behindP v128) (local $endB i32) (local $behindB v128)
    (local.set $factors (f32x4.splat (local.get $factor)))
    (local.set $lrs (f32x4.splat (local.get $lr)))
    (local.set $momenta (f32x4.splat (local.get $momentum)))
    (local.set $decays (f32x4.splat (local.get $decay)))
    (local.set $ahead (i32x4.splat (i32.sub (i32.const 0) (local.get $nesterov))))
    (local.set $smallest (f32x4.splat (f32.const 0x1p-126)))
    (block $done
      (br_if $done (i32.le_s (local.get $n) (i32.const 0)))
      (local.set $inside (call $insideLast (local.get $n)))
      (local.set $endP (i32.add (local.get $p) (call $lastFour (local.get $n))))
      (local.set $behindP (v128.load (local.get $endP)))
      (local.set $endB (i32.add (local.get $b) (call $lastFour (local.get $n))))
      (local.set $behindB (v128.load (local.get $endB)))
      (loop $next
        (local.set $pi (v128.load (local.get $p)))
        (local.set $di
          (f32x4.add
            (f32x4.mul (local.get $factors) (v128.load (local.get $g)))
            (f32x4.mul (local.get $decays) (local.get $pi))))
        (local.set $bi
          (f32x4.add (f32x4.mul (local.get $momenta) (v128.load (local.get $b))) (local.get $di)))
        (local.set $bi
          (v128.andnot (local.get $bi) (f32x4.lt (f32x4.abs (local.get $bi)) (local.get $smallest))))
        (v128.store (local.get $b) (local.get $bi))
        (v128.store (local.get $p)
          (f32x4.sub
            (local.get $pi)
            (f32x4.mul
              (local.get $lrs)
              (v128.bitselect
                (f32x4.add (local.get $di) (f32x4.mul (local.get $momenta) (local.get $bi)))
                (local.get $bi)
                (local.get $ahead)))))
        (local.set $p (i32.add (local.get $p) (i32.const 16)))
        (local.set $g (i32.add (local.get $g) (i32.const 16)))
        (local.set $b (i32.add (local.get $b) (i32.const 16)))
        (local.set $n (i32.sub (local.get $n) (i32.const 4)))
        (br_if $next (i32.gt_s (local.get $n) (i32.const 0))))
      (call $putBack (local.get $endP) (local.get $behindP) (local.get $inside))
      (call $putBack (local.get $endB) (local.get $behindB) (local.get $inside))))

  ;; m = beta1 m + rest1 g,   v = beta2 v + rest2 g^2
  ;; p = keep p - rate m / (sqrt(v) + epsilon)
  (func (export "adam")
    (param $p i32) (param $g i32) (param $m i32) (param $v i32) (param $n i32)
    (param $beta1 f32) (param $rest1 f32) (param $beta2 f32) (param $rest2 f32)
    (param $rate f32) (param $epsilon f32) (param $keep f32)
    (local $beta1s v128) (local $rest1s v128) (local $beta2s v128) (local $rest2s v128)
    (local $rates v128) (local $epsilons v128) (local $keeps v128) (local $smallest v128)
    (local $gi v128) (local $mi v128) (local $vi v128)
    (local $inside v128) (local $endP i32) (local $behindP v128)
    (local $endM i32) (local $behindM v128) (local $endV i32) (local $behindV v128)
    (local.set $beta1s (f32x4.splat (local.get $beta1)))
    (local.set $rest1s (f32x4.splat (local.get $rest1)))
    (local.set $beta2s (f32x4.splat (local.get $beta2)))
    (local.set $rest2s (f32x4.splat (local.get $rest2)))
    (local.set $rates (f32x4.splat (local.get $rate)))
    (local.set $epsilons (f32x4.splat (local.get $epsilon)))
    (local.set $keeps (f32x4.splat (local.get $keep)))
    (local.set $smallest (f32x4.splat (f32.const 0x1p-126)))
    (block $done
      (br_if $done (i32.le_s (local.get $n) (i32.const 0)))
      (local.set $inside (call $insideLast (local.get $n)))
      (local.set $endP (i32.add (local.get $p) (call $lastFour (local.get $n))))
      (local.set $behindP (v128.load (local.get $endP)))
      (local.set $endM (i32.add (local.get $m) (call $lastFour (local.get $n))))
      (local.set $behindM (v128.load (local.get $endM)))
      (local.set $endV (i32.add (local.get $v) (call $lastFour (local.get $n))))
      (local.set $behindV (v128.load (local.get $endV)))
      (loop $next
        (local.set $gi (v128.load (local.get $g)))
        (local.set $mi
          (f32x4.add
            (f32x4.mul (local.get $beta1s) (v128.load (local.get $m)))
            (f32x4.mul (local.get $rest1s) (local.get $gi))))
        (local.set $mi
          (v128.andnot (local.get $mi) (f32x4.lt (f32x4.abs (local.get $mi)) (local.get $smallest))))
        (local.set $vi
          (f32x4.add
            (f32x4.mul (local.get $beta2s) (v128.load (local.get $v)))
            (f32x4.mul (f32x4.mul (local.get $rest2s) (local.get $gi)) (local.get $gi))))
        (local.set $vi (v128.andnot (local.get $vi) (f32x4.lt (local.get $vi) (local.get $smallest))))
        (v128.store (local.get $m) (local.get $mi))
        (v128.store (local.get $v) (local.get $vi))
        (v128.store (local.get $p)
          (f32x4.sub
            (f32x4.mul (local.get $keeps) (v128.load (local.get $p)))
            (f32x4.div
              (f32x4.mul (local.get $rates) (local.get $mi))
              (f32x4.add (f32x4.sqrt (local.get $vi)) (local.get $epsilons)))))
        (local.set $p (i32.add (local.get $p) (i32.const 16)))
        (local.set $g (i32.add (local.get $g) (i32.const 16)))
        (local.set $m (i32.add (local.get $m) (i32.const 16)))
        (local.set $v (i32.add (local.get $v) (i32.const 16)))
        (local.set $n (i32.sub (local.get $n) (i32.const 4)))
        (br_if $next (i32.gt_s (local.get $n) (i32.const 0))))
      (call $putBack (local.get $endP) (local.get $behindP) (local.get $inside))
      (call $putBack (local.get $endM) (local.get $behindM) (local.get $inside))
      (call $putBack (local.get $endV) (local.get $behindV) (local.get $inside))))

  ;; Bytes from the first of n > 0 numbers to the last four, which may be partial.
  (func $lastFour (param $n i32) (result i32)
    (i32.shl (i32.and (i32.sub (local.get $n) (i32.const 1)) (i32.const -4)) (i32.const 2)))

  ;; The lanes of those four that are of the array.
  (func $insideLast (param $n i32) (result v128)
    (i32x4.gt_s
      (i32x4.splat (i32.add (i32.and (i32.sub (local.get $n) (i32.const 1)) (i32.const 3)) (i32.const 1)))
      (v128.const i32x4 0 1 2 3)))

  ;; What stood behind an array stands there again.
  (func $putBack (param $at i32) (param $behind v128) (param $inside v128)
    (v128.store (local.get $at)
      (v128.bitselect (v128.load (local.get $at)) (local.get $behind) (local.get $inside))))

  ;; Sum of g^2 in 64 bits, always added in the same order.
  (func (export "sumOfSquares") (param $g i32) (param $n i32) (result f64)
    (local $low v128) (local $high v128) (local $gi v128) (local $wide v128)
    (block $done
      (loop $next
        (br_if $done (i32.le_s (local.get $n) (i32.const 0)))
        (local.set $gi
          (v128.and
            (v128.load (local.get $g))
            (i32x4.gt_s (i32x4.splat (local.get $n)) (v128.const i32x4 0 1 2 3))))
        (local.set $wide (f64x2.promote_low_f32x4 (local.get $gi)))
        (local.set $low (f64x2.add (local.get $low) (f64x2.mul (local.get $wide) (local.get $wide))))
        (local.set $wide
          (f64x2.promote_low_f32x4
            (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $gi) (local.get $gi))))
        (local.set $high (f64x2.add (local.get $high) (f64x2.mul (local.get $wide) (local.get $wide))))
        (local.set $g (i32.add (local.get $g) (i32.const 16)))
        (local.set $n (i32.sub (local.get $n) (i32.const 4)))
        (br $next)))
    (local.set $low (f64x2.add (local.get $low) (local.get $high)))
    (f64.add (f64x2.extract_lane 0 (local.get $low)) (f64x2.extract_lane 1 (local.get $low))))

  ;; sums[j] += w[i, j]^2 over the rows of w [rows, columns], first to last. sums holds whole fours; what it has behind
  ;; its last column is nobody's.
  (func (export "addColumnSquares") (param $sums i32) (param $w i32) (param $rows i32) (param $columns i32)
    (local $sum i32) (local $at i32) (local $left i32) (local $wi v128)
    (block $done
      (br_if $done (i32.le_s (local.get $columns) (i32.const 0)))
      (loop $row
        (br_if $done (i32.le_s (local.get $rows) (i32.const 0)))
        (local.set $sum (local.get $sums))
        (local.set $at (local.get $w))
        (local.set $left (local.get $columns))
        (loop $next
          (local.set $wi (v128.load (local.get $at)))
          (v128.store (local.get $sum)
            (f32x4.add (v128.load (local.get $sum)) (f32x4.mul (local.get $wi) (local.get $wi))))
          (local.set $sum (i32.add (local.get $sum) (i32.const 16)))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (local.set $left (i32.sub (local.get $left) (i32.const 4)))
          (br_if $next (i32.gt_s (local.get $left) (i32.const 0))))
        (local.set $w (i32.add (local.get $w) (i32.shl (local.get $columns) (i32.const 2))))
        (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
        (br $row))))

  ;; w[i, j] *= factors[j] for w [rows, columns]
  (func (export "scaleColumns") (param $w i32) (param $factors i32) (param $rows i32) (param $columns i32)
    (local $factor i32) (local $at i32) (local $left i32)
    (local $inside v128) (local $end i32) (local $behind v128)
    (block $done
      (br_if $done (i32.le_s (local.get $columns) (i32.const 0)))
      (local.set $inside (call $insideLast (local.get $columns)))
      (loop $row
        (br_if $done (i32.le_s (local.get $rows) (i32.const 0)))
        (local.set $end (i32.add (local.get $w) (call $lastFour (local.get $columns))))
        (local.set $behind (v128.load (local.get $end)))
        (local.set $factor (local.get $factors))
        (local.set $at (local.get $w))
        (local.set $left (local.get $columns))
        (loop $next
          (v128.store (local.get $at)
            (f32x4.mul (v128.load (local.get $at)) (v128.load (local.get $factor))))
          (local.set $factor (i32.add (local.get $factor) (i32.const 16)))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (local.set $left (i32.sub (local.get $left) (i32.const 4)))
          (br_if $next (i32.gt_s (local.get $left) (i32.const 0))))
        (call $putBack (local.get $end) (local.get $behind) (local.get $inside))
        (local.set $w (i32.add (local.get $w) (i32.shl (local.get $columns) (i32.const 2))))
        (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
        (br $row))))

  ;; out[i] = mix(mix(first + i + k0) + k1) <= last ? 0 : scale, compared unsigned; mix is triple32, as in rng.ts.
  (func (export "mask")
    (param $out i32) (param $n i32)
    (param $k0 i32) (param $k1 i32) (param $first i32) (param $last i32) (param $scale f32)
    (local $index v128) (local $k1s v128) (local $lasts v128) (local $scales v128) (local $h v128)
    (local.set $index
      (i32x4.add
        (i32x4.splat (i32.add (local.get $first) (local.get $k0)))
        (v128.const i32x4 0 1 2 3)))
    (local.set $k1s (i32x4.splat (local.get $k1)))
    (local.set $lasts (i32x4.splat (local.get $last)))
    (local.set $scales (f32x4.splat (local.get $scale)))
    (block $done
      (loop $next
        (br_if $done (i32.le_s (local.get $n) (i32.const 0)))
        (local.set $h (local.get $index))
        (local.set $h (v128.xor (local.get $h) (i32x4.shr_u (local.get $h) (i32.const 17))))
        (local.set $h
          (i32x4.mul (local.get $h) (v128.const i32x4 0xed5ad4bb 0xed5ad4bb 0xed5ad4bb 0xed5ad4bb)))
        (local.set $h (v128.xor (local.get $h) (i32x4.shr_u (local.get $h) (i32.const 11))))
        (local.set $h
          (i32x4.mul (local.get $h) (v128.const i32x4 0xac4c1b51 0xac4c1b51 0xac4c1b51 0xac4c1b51)))
        (local.set $h (v128.xor (local.get $h) (i32x4.shr_u (local.get $h) (i32.const 15))))
        (local.set $h
          (i32x4.mul (local.get $h) (v128.const i32x4 0x31848bab 0x31848bab 0x31848bab 0x31848bab)))
        (local.set $h (v128.xor (local.get $h) (i32x4.shr_u (local.get $h) (i32.const 14))))
        (local.set $h (i32x4.add (local.get $h) (local.get $k1s)))
        (local.set $h (v128.xor (local.get $h) (i32x4.shr_u (local.get $h) (i32.const 17))))
        (local.set $h
          (i32x4.mul (local.get $h) (v128.const i32x4 0xed5ad4bb 0xed5ad4bb 0xed5ad4bb 0xed5ad4bb)))
        (local.set $h (v128.xor (local.get $h) (i32x4.shr_u (local.get $h) (i32.const 11))))
        (local.set $h
          (i32x4.mul (local.get $h) (v128.const i32x4 0xac4c1b51 0xac4c1b51 0xac4c1b51 0xac4c1b51)))
        (local.set $h (v128.xor (local.get $h) (i32x4.shr_u (local.get $h) (i32.const 15))))
        (local.set $h
          (i32x4.mul (local.get $h) (v128.const i32x4 0x31848bab 0x31848bab 0x31848bab 0x31848bab)))
        (local.set $h (v128.xor (local.get $h) (i32x4.shr_u (local.get $h) (i32.const 14))))
        (v128.store (local.get $out)
          (v128.bitselect
            (v128.and (local.get $scales) (i32x4.gt_u (local.get $h) (local.get $lasts)))
            (v128.load (local.get $out))
            (i32x4.gt_s (i32x4.splat (local.get $n)) (v128.const i32x4 0 1 2 3))))
        (local.set $index (i32x4.add (local.get $index) (v128.const i32x4 4 4 4 4)))
        (local.set $out (i32.add (local.get $out) (i32.const 16)))
        (local.set $n (i32.sub (local.get $n) (i32.const 4)))
        (br $next))))

  ;; out[i] = bytes[i] scale, multiplied in double precision and rounded once. The bytes may be the last quarter of
  ;; out: what is written has been read by then.
  (func (export "bytes")
    (param $out i32) (param $bytes i32) (param $n i32) (param $scale f64)
    (local $scales v128) (local $wide v128)
    (local.set $scales (f64x2.splat (local.get $scale)))
    (block $done
      (loop $next
        (br_if $done (i32.le_s (local.get $n) (i32.const 0)))
        (local.set $wide
          (i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_zero (local.get $bytes)))))
        (v128.store (local.get $out)
          (v128.bitselect
            (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
              (f32x4.demote_f64x2_zero
                (f64x2.mul (f64x2.convert_low_i32x4_u (local.get $wide)) (local.get $scales)))
              (f32x4.demote_f64x2_zero
                (f64x2.mul
                  (f64x2.convert_low_i32x4_u
                    (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $wide) (local.get $wide)))
                  (local.get $scales))))
            (v128.load (local.get $out))
            (i32x4.gt_s (i32x4.splat (local.get $n)) (v128.const i32x4 0 1 2 3))))
        (local.set $bytes (i32.add (local.get $bytes) (i32.const 4)))
        (local.set $out (i32.add (local.get $out) (i32.const 16)))
        (local.set $n (i32.sub (local.get $n) (i32.const 4)))
        (br $next)))))
