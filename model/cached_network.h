// Two ways for a network to know earlier frames: run them again, or go on from a cache.
#pragma once

#include <functional>
#include <memory>

#include "model/network.h"

namespace nextframe {

/// What a network caches of the frames that it has seen (KV caches), so that it can go on from
/// them.
class FrameCache {
 public:
  virtual ~FrameCache() = default;

  /// What it holds once more: what joins one of them does not join the other.
  virtual std::unique_ptr<FrameCache> clone() const = 0;
};

/// Runs a network on `input`. With a `cache` the frames follow those in it; they join it if
/// `appends`.
using RunNetwork =
    std::function<NetworkOutput(const NetworkInput& input, FrameCache* cache, bool appends)>;

/// A network together with the earlier frames that it knows.
class RememberingNetwork : public CausalNetwork {
 public:
  virtual std::unique_ptr<RememberingNetwork> clone() const = 0;
};

/// Keeps the inputs of the newest `window` frames and runs all of them again every time. In
/// training nothing is kept.
class WindowNetwork final : public RememberingNetwork {
 public:
  WindowNetwork(RunNetwork run, int64_t window) : run_(std::move(run)), window_(window) {}

  NetworkOutput peek(const NetworkInput& next) override;
  NetworkOutput append(const NetworkInput& next) override;
  std::unique_ptr<RememberingNetwork> clone() const override {
    return std::make_unique<WindowNetwork>(*this);  // no tensor that is kept is ever written to
  }

 private:
  NetworkInput kept_;
  RunNetwork run_;
  int64_t window_;
};

/// Goes on from a cache.
class CachedNetwork final : public RememberingNetwork {
 public:
  CachedNetwork(RunNetwork run, std::unique_ptr<FrameCache> cache)
      : run_(std::move(run)), cache_(std::move(cache)) {}

  NetworkOutput peek(const NetworkInput& next) override;
  NetworkOutput peek_at(const NetworkInput& next, int64_t place) override;
  NetworkOutput append(const NetworkInput& next) override;
  std::unique_ptr<RememberingNetwork> clone() const override;

 private:
  RunNetwork run_;
  std::unique_ptr<FrameCache> cache_;
  bool is_empty_ = true;
};

/// Keeps what the layers hold of the frames that are appended. The network outlives this.
class WatchedNetwork final : public CausalNetwork {
 public:
  WatchedNetwork(CausalNetwork& network, std::vector<LayerStates>& layers)
      : network_(network), layers_(layers) {}

  NetworkOutput peek(const NetworkInput& next) override { return network_.peek(next); }
  NetworkOutput peek_at(const NetworkInput& next, int64_t place) override {
    return network_.peek_at(next, place);
  }
  NetworkOutput append(const NetworkInput& next) override;

 private:
  CausalNetwork& network_;
  std::vector<LayerStates>& layers_;
};

/// Classifier-free guidance on actions (Ho and Salimans 2022):
///
///   output = untold + guidance (told - untold)
///
/// where "untold" is the output without the newest frame's action. Both outputs come from the same
/// cache, since they differ in the newest frame only. The model was trained with actions.dropout.
/// The network outlives this.
class GuidedNetwork final : public CausalNetwork {
 public:
  GuidedNetwork(CausalNetwork& network, double guidance) : network_(network), guidance_(guidance) {}

  NetworkOutput peek(const NetworkInput& next) override;
  NetworkOutput append(const NetworkInput& next) override;

 private:
  NetworkOutput guided(const NetworkOutput& told, const NetworkOutput& untold) const;

  CausalNetwork& network_;
  double guidance_;
};

}  // namespace nextframe
