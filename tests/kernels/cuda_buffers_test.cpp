// The CUDA forms of operations over buffers and frames, on the emulated GPU, against the CPU's
// loops: to the same bits but for sums.
#include "kernels/cpu/choose_loops.h"
#include "kernels/cuda/adamw.cuh"
#include "kernels/cuda/draws.cuh"
#include "kernels/cuda/patches.cuh"
#include "kernels/cuda/square_sums.cuh"
#include "tests/kernels/emulator/on_emulator.h"

namespace nextframe {
namespace {

using namespace emulator;

const auto& kLoops = cpu::kPortableLoops;

// ---- AdamW

const cpu::AdamWNumbers kNumbers{0.37f, 0.9999f, 1.3e-3f, 3.1f, 0.999f, 0.001f, 0};

/// value, moments, average, gradient.
struct Buffers {
  Buffers(int64_t count, Place place)
      : arrays{Array<float>(count, place), Array<float>(count, place), Array<float>(count, place),
               Array<float>(count, place), Array<float>(count, place)} {
    for (uint32_t i = 0; i < 5; ++i) arrays[i].fill(i);
    for (int64_t i = 0; i < count; ++i) arrays[2][i] = std::abs(arrays[2][i]);
    set(kNumbers);
  }
  cpu::AdamWCall call(bool averaged, bool shrinks = true) {
    cpu::AdamWCall c{};
    c.value = arrays[0].data(), c.moment1 = arrays[1].data(), c.moment2 = arrays[2].data();
    if (averaged) c.average = arrays[3].data();
    c.gradient = arrays[4].data();
    c.numbers = reinterpret_cast<const cpu::AdamWNumbers*>(numbers.data());
    c.beta1 = 0.9f, c.one_minus_beta1 = 0.1f, c.beta2 = 0.99f, c.one_minus_beta2 = 0.01f;
    c.epsilon = 1e-8f, c.shrinks = shrinks;
    return c;
  }
  void set(const cpu::AdamWNumbers& to) { std::memcpy(numbers.data(), &to, sizeof(to)); }
  std::vector<Memory> memory() {
    std::vector<Memory> all;
    for (auto& array : arrays) all.push_back(array.memory());
    all.push_back(numbers.memory());
    return all;
  }
  Array<float> arrays[5];
  Array<float> numbers{sizeof(cpu::AdamWNumbers) / sizeof(float)};
};

TEST(CudaBuffers, StepToTheSameBits) {
  for (const auto place : {Place::aligned, Place::shifted}) {
    for (const int64_t count : {1, 133, 4096, 4099}) {
      for (const bool averaged : {false, true}) {
        Buffers got(count, place), expected(count, place);
        kLoops.adamw(expected.call(averaged), 0, count);
        start_adamw(got.call(averaged), 0, count, Start{got.memory()});
        for (int i = 0; i < 5; ++i) {
          EXPECT_TRUE(same_bits(got.arrays[i], expected.arrays[i])) << count << " " << i;
        }
      }
    }
  }
}

TEST(CudaBuffers, StepOnlyWhereTheyAreAsked) {
  Buffers got(64, Place::aligned), expected(64, Place::aligned);
  kLoops.adamw(expected.call(true), 3, 17);
  start_adamw(got.call(true), 3, 17, Start{got.memory()});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(same_bits(got.arrays[i], expected.arrays[i])) << i;
}

/// The launch of a captured step is made once: only what lies in memory changes.
TEST(CudaBuffers, StepByTheNumbersInMemory) {
  Buffers got(133, Place::aligned), expected(133, Place::aligned);
  const auto launch = got.call(true, false);
  const cpu::AdamWNumbers others{0.2f, 0.99f, 0.7e-3f, 2.1f, 0.9f, 0.1f, 0};
  for (const auto& numbers : {kNumbers, others}) {
    got.set(numbers), expected.set(numbers);
    start_adamw(launch, 0, 133, Start{got.memory()});
    kLoops.adamw(expected.call(true, false), 0, 133);
  }
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(same_bits(got.arrays[i], expected.arrays[i])) << i;
}

TEST(CudaBuffers, StepNowhereByBadNumbers) {
  Buffers got(133, Place::aligned), before(133, Place::aligned);
  auto bad = kNumbers;
  bad.is_bad = 1;
  got.set(bad);
  got.arrays[4][17] = NAN;
  start_adamw(got.call(true), 0, 133, Start{got.memory()});
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(same_bits(got.arrays[i], before.arrays[i])) << i;
}

// ---- Sums of squares

double exact_squares(Array<float>& a, int64_t first, int64_t count) {
  double sum = 0;
  for (int64_t i = first; i < first + count; ++i) sum += double{a[i]} * double{a[i]};
  return sum;
}

TEST(CudaBuffers, SumSquares) {
  for (const int64_t count : {0, 1, 7, 1000, 16384, 50003}) {
    Array<float> x(count), shifted(count, Place::shifted);
    x.fill(1), shifted.fill(1);
    Array<double> parts(std::max<int64_t>(1, cuda::parts_of(count))), results(3);
    auto start = start_with(x, shifted, parts, results);
    start_squared_norm(x.data(), count, parts.data(), results.data(), start);
    EXPECT_NEAR(results[0] / std::max(1.0, exact_squares(x, 0, count)), count > 0,
                1e-12 + (count == 1));
    start.most_blocks = 1;
    start_squared_norm(x.data(), count, parts.data(), results.data() + 1, start);
    start_squared_norm(shifted.data(), count, parts.data(), results.data() + 2, start);
    EXPECT_EQ(results[0], results[1]) << "bits depend on the grid: " << count;
    EXPECT_EQ(results[0], results[2]) << "bits depend on the place: " << count;
  }
}

TEST(CudaBuffers, SquareTheErrorOfFrames) {
  constexpr int64_t kFrames = 5;
  for (const auto place : {Place::aligned, Place::shifted}) {
    for (const int64_t size : {1, 37, 3000, 16400}) {
      Array<float> a(kFrames * size, place), b(kFrames * size, place), result(kFrames),
          expected(kFrames), grad(kFrames), grad_a(kFrames * size, place),
          expected_grad(kFrames * size);
      Array<double> parts(kFrames * cuda::parts_of(size));
      a.fill(1), b.fill(2), grad.fill(3);
      a[size] = NAN;
      kLoops.squared_error(a.data(), b.data(), kFrames, size, expected.data());
      start_squared_error(a.data(), b.data(), kFrames, size, parts.data(), result.data(),
                          start_with(a, b, parts, result));
      EXPECT_LT(distance(result, expected), 1e-6) << size;
      kLoops.squared_error_backward(a.data(), b.data(), grad.data(), kFrames, size,
                                    expected_grad.data());
      start_squared_error_backward(a.data(), b.data(), grad.data(), kFrames, size, grad_a.data(),
                                   start_with(a, b, grad, grad_a));
      EXPECT_EQ(distance(grad_a, expected_grad), 0) << size;
    }
  }
}

// ---- Random numbers

TEST(CudaBuffers, DrawTheSameBits) {
  constexpr int64_t kRows = 3;
  for (const int64_t size : {1, 6, 1024, 3003}) {
    for (const bool is_normal : {false, true}) {
      Array<int64_t> ids(kRows);
      ids[0] = 7, ids[1] = -1, ids[2] = int64_t{1} << 40;
      Array<float> got(kRows * size), expected(kRows * size);
      Array<int64_t> draw(2);
      draw[0] = 0x123456789ABCDEF, draw[1] = -5;
      const cuda::DrawCall call{draw.data(), DrawStream::noise, ids.data(), kRows,
                                size,        is_normal,         got.data()};
      start_draw(call, start_with(draw, ids, got));
      for (int64_t row = 0; row < kRows; ++row) {
        const auto key = draw_key({0x123456789ABCDEF, static_cast<uint64_t>(-5)}, call.stream,
                                  static_cast<uint64_t>(ids[row]));
        (is_normal ? kLoops.draw_normals : kLoops.draw_uniforms)(key, size,
                                                                 expected.data() + row * size);
      }
      EXPECT_TRUE(same_bits(got, expected)) << size << is_normal;
    }
  }
}

// ---- Patches

struct Grid2d {
  int64_t height_px, width_px, channels, patch_px, halo_px;
};
const Grid2d kGrids[] = {{8, 12, 3, 4, 0}, {8, 12, 3, 4, 3}, {8, 8, 1, 4, 4}, {6, 9, 3, 3, 1},
                         {4, 4, 2, 1, 0},  {8, 8, 4, 2, 5},  {16, 8, 3, 8, 2}};
constexpr int64_t kClips = 2, kFrames = 3;

template <class Pixel, class T>
void expect_cut(const Grid2d& g, Place place, bool with_changes, bool has_before) {
  const int64_t frame = g.height_px * g.width_px * g.channels, window = g.patch_px + 2 * g.halo_px;
  const int64_t values = window * window * g.channels * (g.height_px / g.patch_px) *
                         (g.width_px / g.patch_px) * (with_changes ? 2 : 1) * kClips * kFrames;
  Array<Pixel> frames(kClips * kFrames * frame, place), before(kClips * frame, place);
  Array<T> got(values, place), expected(values);
  frames.fill(1), before.fill(2);
  cpu::PatchCall call{kFrames,
                      g.height_px,
                      g.width_px,
                      g.channels,
                      g.patch_px,
                      g.halo_px,
                      sizeof(Pixel) == 1,
                      sizeof(T) == 2,
                      with_changes,
                      frames.data(),
                      has_before ? before.data() : nullptr,
                      expected.data()};
  kLoops.cut_patches(call, 0, kClips * kFrames);
  call.patches = got.data();
  start_cut_patches(call, 0, kClips * kFrames, start_with(frames, before, got));
  EXPECT_TRUE(same_bits(got, expected)) << g.patch_px << "+" << g.halo_px << " " << with_changes;
}

TEST(CudaBuffers, CutPatchesToTheSameBits) {
  for (const auto& grid : kGrids) {
    expect_cut<uint8_t, float>(grid, Place::aligned, false, false);
    expect_cut<uint8_t, uint16_t>(grid, Place::aligned, false, false);
    expect_cut<float, float>(grid, Place::shifted, false, false);
    expect_cut<float, uint16_t>(grid, Place::aligned, true, false);
    expect_cut<float, float>(grid, Place::aligned, true, true);
  }
}

template <class T>
void expect_join(const Grid2d& g, Place place) {
  const int64_t frame = g.height_px * g.width_px * g.channels, window = g.patch_px + 2 * g.halo_px;
  const int64_t values = window * window * g.channels * (g.height_px / g.patch_px) *
                         (g.width_px / g.patch_px) * kClips * kFrames;
  Array<T> patches(values, place);
  Array<float> got(kClips * kFrames * frame, place), expected(kClips * kFrames * frame);
  patches.fill(1);
  cpu::PatchCall call{};
  call.clip_frames = kFrames, call.height_px = g.height_px, call.width_px = g.width_px;
  call.channels = g.channels, call.patch_px = g.patch_px, call.halo_px = g.halo_px;
  call.patches_are_bf16 = sizeof(T) == 2;
  call.patches = patches.data(), call.frames = expected.data();
  kLoops.join_patches(call, 0, kClips * kFrames);
  call.frames = got.data();
  start_join_patches(call, 0, kClips * kFrames, start_with(patches, got));
  EXPECT_TRUE(same_bits(got, expected)) << g.patch_px << "+" << g.halo_px;
}

TEST(CudaBuffers, JoinPatchesToTheSameBits) {
  for (const auto& grid : kGrids) {
    expect_join<float>(grid, Place::aligned);
    expect_join<uint16_t>(grid, Place::aligned);
    expect_join<float>(grid, Place::shifted);
  }
}

TEST(CudaBuffers, ScaleBytesToTheSameBits) {
  for (const int64_t count : {1, 256, 5003}) {
    Array<uint8_t> bytes(count);
    Array<float> got(count), expected(count);
    bytes.fill(1);
    kLoops.scale_bytes(bytes.data(), count, expected.data());
    start_scale_bytes(bytes.data(), count, got.data(), start_with(bytes, got));
    EXPECT_TRUE(same_bits(got, expected)) << count;
  }
}

}  // namespace
}  // namespace nextframe
