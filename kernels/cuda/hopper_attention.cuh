// Flash attention with warp groups (wgmma), for sm_90a only. flash_attention.cuh says what it
// computes; the tiling differs.
//
// A block has 128 rows of its own. Two groups of four warps answer 64 of them each; of a third
// group one thread copies: tiles of the other side go through two places, each with barriers for
// "full", on which bytes land, and "empty", at which the eight warps arrive. So nobody but this
// thread waits for memory, nothing passes through registers on its way, and the third group gives
// its registers to the others. Products read from where copies land and run on beside their warps;
// scores come out of one product in the place where the next wants its left factor.
//
// Every sum has one writer and one order, as in flash_attention.cuh: bits depend on the unit alone.
//
// Bound: tensor cores. Share of the peak reached: not measured.
#pragma once

#include "kernels/cuda/flash_attention.cuh"
#include "kernels/cuda/hopper_attention_call.h"
#include "kernels/cuda/hopper_matrix.cuh"

namespace nextframe {
namespace {

constexpr int kGroupThreads = 4 * kWarp, kGroups = 2;  // that multiply
constexpr int kHopperWarps = 4 * kGroups, kHopperThreads = (kGroups + 1) * kGroupThreads;
constexpr int kPlaces = 2;
constexpr int kCopyingRegisters = 24, kMultiplyingRegisters = 240;

/// `kNumOwns` matrices of own rows, two of the other side a place, and perhaps terms of its rows.
template <class HalfType, int kDim, int kNumOwns, int kOtherRows, bool kTerms = false>
struct HopperShape {
  using Half = HalfType;
  static constexpr int kHeadDim = kDim, kParts = 1, kOther = kOtherRows, kOwns = kNumOwns;
  static constexpr int kRows = kGroups * kHopperOwnRows;
  static constexpr bool kHasTerms = kTerms;
  using Own = PanelMatrix<kHopperOwnRows, kHeadDim>;
  using Other = PanelMatrix<kOther, kHeadDim>;
  using Rows = SharedMatrix<kHeadDim>;         // in which results leave
  using Sums = float[1][kHeadDim / 8][4];      // of a warp's rows
  using Scores = float[1][kOther / 8][4];      // of a warp's rows with a tile
  using Shares = uint32_t[kOther / kTile][4];  // those, rounded

  static constexpr int kOthersAt = kOwns * kGroups * Own::kBytes;
  static constexpr int kTermsAt = kOthersAt + kPlaces * 2 * Other::kBytes;
  static constexpr int kTermsBytes = kHasTerms ? kOther * 8 : 0;
  static constexpr int kIntervalsAt = kTermsAt + kPlaces * kTermsBytes;
  static constexpr int kTilesAt = kIntervalsAt + kRows * 16;
  static constexpr int kBarriersAt = kTilesAt + KeptTiles::kBytes;
  static constexpr int kSharedBytes = kBarriersAt + 8 * (1 + kPlaces * 2 * 2);

  NF_DEVICE static ptx::Shared at(int bytes) {
    return ptx::dynamic_shared() + static_cast<ptx::Shared>(bytes);
  }
  NF_DEVICE static Own own(int which, int group) {
    return {at((which * kGroups + group) * Own::kBytes)};
  }
  NF_DEVICE static Rows stage(int which) { return {own(which, 0).base}; }
  /// Of the i-th tile.
  NF_DEVICE static Other other(int i, int which) {
    return {at(kOthersAt + (i % kPlaces * 2 + which) * Other::kBytes)};
  }
  NF_DEVICE static ptx::Shared terms(int i) { return at(kTermsAt + i % kPlaces * kTermsBytes); }
  NF_DEVICE static RowIntervals<kRows> intervals() { return {at(kIntervalsAt)}; }
  NF_DEVICE static KeptTiles kept() { return {at(kTilesAt)}; }

  NF_DEVICE static ptx::Shared own_full() { return at(kBarriersAt); }
  NF_DEVICE static ptx::Shared full(int i, int which) {
    return at(kBarriersAt + 8 * (1 + i % kPlaces * 4 + which));
  }
  NF_DEVICE static ptx::Shared empty(int i, int which) { return full(i, which) + 16; }
  /// Of the phase in which the i-th tile comes.
  NF_DEVICE static uint32_t parity(int i) { return static_cast<uint32_t>(i / kPlaces % 2); }
};

NF_DEVICE int group() { return static_cast<int>(ptx::tid()) / kGroupThreads; }

/// What a block copies: own rows, and tiles of the other side.
struct HopperSources {
  const TensorMap *own[2], *other[2], *terms;
};

/// One thread prepares the barriers; all have to meet behind.
template <class Shape>
NF_DEVICE void make_barriers() {
  if (ptx::tid() != 0) return;
  ptx::mbarrier_init(Shape::own_full(), 1);
  NF_UNROLL for (int i = 0; i < 2 * kPlaces; ++i) {
    ptx::mbarrier_init(Shape::full(i / 2, i % 2), 1);
    ptx::mbarrier_init(Shape::empty(i / 2, i % 2), kHopperWarps);
  }
  ptx::fence_proxy_async();
}

/// Rows from `first` on of a unit, as many as the matrix has; zeros behind the last.
template <class Matrix>
NF_DEVICE void load_rows(Matrix to, const TensorMap& map, const Unit& unit, int first,
                         ptx::Shared barrier) {
  NF_UNROLL for (int panel = 0; panel < Matrix::kPanels; ++panel) {
    const int32_t place[5] = {panel * kPanelColumns, first, static_cast<int32_t>(unit.head),
                              static_cast<int32_t>(unit.inner), static_cast<int32_t>(unit.outer)};
    ptx::tma_load(to.panel(panel), map, place, barrier);
  }
}

/// All that the thread does that copies.
template <class Shape>
NF_DEVICE void copy_all(const HopperSources& from, const FlashPlace& place,
                        const FlashTiles& tiles) {
  ptx::mbarrier_arrive_expect_tx(Shape::own_full(), Shape::kOthersAt);
  NF_UNROLL for (int i = 0; i < Shape::kOwns * kGroups; ++i) {
    load_rows(Shape::own(i / kGroups, i % kGroups), *from.own[i / kGroups], place.unit,
              place.first + i % kGroups * kHopperOwnRows, Shape::own_full());
  }
  for (int i = 0; i < tiles.count; ++i) {
    const int begin = tiles.begin_of(i);
    NF_UNROLL for (int which = 0; which < 2; ++which) {
      const ptx::Shared full = Shape::full(i, which);
      const bool with_terms = Shape::kHasTerms && which == 1;
      ptx::mbarrier_wait(Shape::empty(i, which), Shape::parity(i) ^ 1);
      ptx::mbarrier_arrive_expect_tx(
          full,
          static_cast<uint32_t>(Shape::Other::kBytes + (with_terms ? Shape::kTermsBytes : 0)));
      load_rows(Shape::other(i, which), *from.other[which], place.unit, begin, full);
      if (with_terms) {
        const int32_t at[5] = {2 * begin, static_cast<int32_t>(place.unit_number), 0, 0, 0};
        ptx::tma_load(Shape::terms(i), *from.terms, at, full);
      }
    }
  }
}

template <class Shape>
NF_DEVICE void wait_for(int i, int which) {
  ptx::mbarrier_wait(Shape::full(i, which), Shape::parity(i));
}
/// This warp is done with it.
template <class Shape>
NF_DEVICE void release(int i, int which) {
  if (lane() == 0) ptx::mbarrier_arrive(Shape::empty(i, which));
}

/// Where the i-th tile is one that some row does not see whole.
template <class Shape>
NF_DEVICE void hide_unseen_of(typename Shape::Scores& scores, int i) {
  const FlashTiles tiles = Shape::kept().read(Shape::kOther);
  const int begin = tiles.begin_of(i);
  if (!tiles.is_full(begin)) Shape::intervals().hide(scores, begin, kUnseen);
}

/// The block parts: `multiply(num_tiles)` is called by those that have rows.
template <class Shape, class Seen, class Multiply>
NF_DEVICE void run_roles(const HopperSources& from, const FlashPlace& place,
                         const FlashTiles& tiles, const Seen& seen, const Multiply& multiply) {
  make_barriers<Shape>();
  Shape::kept().keep(tiles);
  Shape::intervals().fill(place.count, seen);
  ptx::bar_sync();
  if (group() == kGroups) {
    ptx::setmaxnreg_dec<kCopyingRegisters>();
    if (ptx::tid() == kGroups * kGroupThreads) copy_all<Shape>(from, place, tiles);
  } else {
    ptx::setmaxnreg_inc<kMultiplyingRegisters>();
    multiply(tiles.count);
  }
}

/// A warp writes its rows by way of where own rows stood; its whole group is done with those.
template <class Shape>
NF_DEVICE void write_rows_of(const AttentionOperand& to, const FlashPlace& place, int count,
                             const typename Shape::Sums& sums, int which) {
  ptx::bar_sync_some(static_cast<uint32_t>(1 + group()), kGroupThreads);
  write_own<Shape>(to, place.unit, place.first, count, sums, Shape::stage(which));
}

}  // namespace
}  // namespace nextframe
