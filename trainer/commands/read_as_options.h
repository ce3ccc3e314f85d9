// The options by which commands on HDF5 files are told how to read them.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>

#include "data/read_as.h"

namespace nextframe {

/// Adds --layout, --frames-key, --actions-key, --action-alignment and --split, which mean what the
/// keys data.layout, data.columns.* and data.train_split mean in a config.
std::shared_ptr<ReadAs> add_read_as_options(CLI::App& app);

/// "  layout: libero\n  columns:\n    frames: ...": the keys of `read_as` that are set, as lines of
/// the section `data` of a config; "" where none is.
std::string read_as_lines(const ReadAs& read_as);

}  // namespace nextframe
