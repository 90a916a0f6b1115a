// The RMSNorm in front of a matrix–vector product costs one factor at the end, because it commutes with it:
//   sum_d w[r,d] * (x[d] * gain[d] * rstd) = rstd * sum_d w[r,d] * (x[d] * gain[d]).
// So the sum of squares is gathered in the same pass as the dots. The importer binds norm_weight: array<vec4f>
// and has u.d_in, u.eps.
fn gain4(quad: u32) -> vec4f { return norm_weight[quad]; }
fn row_scale(squares: f32) -> f32 { return inverseSqrt(squares / f32(u.d_in) + u.eps); }
