// This file is a trunk whose blocks' parameters are gathered just before they are used, and freed
// right after.
#pragma once

#include <memory>

#include "model/block_runner.h"
#include "trainer/shards/parameter_sections.h"

namespace nextframe {

/// In forward a block is gathered while the one before it runs, in backward while the one behind it
/// does. Wraps another runner, which may run a block again in backward: its parameters are there
/// then.
class GatheringRunner final : public BlockRunner {
 public:
  /// `sections` outlives every backward through what run() returned.
  GatheringRunner(ParameterSections& sections, std::shared_ptr<BlockRunner> inner)
      : sections_(sections), inner_(std::move(inner)) {}

  at::Tensor run(int64_t index, const Block& block, const at::Tensor& hidden) override;

 private:
  ParameterSections& sections_;
  std::shared_ptr<BlockRunner> inner_;
};

}  // namespace nextframe
