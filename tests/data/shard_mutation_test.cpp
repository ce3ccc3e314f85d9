// Damaged and hostile shards by the thousand: each must end in success or in a DataError, and a
// shard of ours whose data have changed must be noticed.
#include "tests/data/shard_mutation.h"

#include "data/column.h"

namespace nextframe {
namespace {

// ---- shards to damage

at::Tensor small_frames(int64_t frames) {
  return at::arange(frames * 16 * 16 * 3).remainder(251).to(at::kByte).view({frames, 16, 16, 3});
}

/// A foreign file in HDF5's old format, whose metadata have no checksums.
H5File create_old(const std::filesystem::path& path) {
  return H5File(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), "create");
}

struct PixelLayout {
  std::vector<hsize_t> chunk{};  // empty: contiguous
  std::vector<ChunkFilter> filters{};
};

void write_pixels(const H5File& file, const at::Tensor& frames, const PixelLayout& layout) {
  const std::vector<hsize_t> shape(frames.sizes().begin(), frames.sizes().end());
  const H5Space space(H5Screate_simple(4, shape.data(), nullptr), "create");
  const H5PropertyList creation(H5Pcreate(H5P_DATASET_CREATE), "create");
  if (!layout.chunk.empty()) H5Pset_chunk(creation.get(), 4, layout.chunk.data());
  for (const auto& filter : layout.filters) {
    H5Pset_filter(creation.get(), filter.id, H5Z_FLAG_MANDATORY, filter.values.size(),
                  filter.values.data());
  }
  const H5Dataset dataset(H5Dcreate2(file.get(), "pixels", H5T_STD_U8LE, space.get(), H5P_DEFAULT,
                                     creation.get(), H5P_DEFAULT),
                          "create");
  const bool is_zstd = !layout.filters.empty() && layout.filters[0].id == kZstdFilterId;
  if (!is_zstd) {
    check_h5(H5Dwrite(dataset.get(), H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                      frames.const_data_ptr()),
             "write");
    return;
  }
  const ChunkCodec codec(Compression::zstd, /*has_checksum=*/false);
  for (hsize_t t = 0; t < shape[0]; t += layout.chunk[0]) {
    for (hsize_t y = 0; y < shape[1]; y += layout.chunk[1]) {
      for (hsize_t x = 0; x < shape[2]; x += layout.chunk[2]) {
        const auto begin = [](hsize_t at) { return static_cast<int64_t>(at); };
        const at::Tensor tile = frames.slice(0, begin(t), begin(t + layout.chunk[0]))
                                    .slice(1, begin(y), begin(y + layout.chunk[1]))
                                    .slice(2, begin(x), begin(x + layout.chunk[2]))
                                    .contiguous();
        const auto stored = codec.encode({tile.const_data_ptr<uint8_t>(), tile.nbytes()});
        const hsize_t offset[] = {t, y, x, 0};
        check_h5(
            H5Dwrite_chunk(dataset.get(), H5P_DEFAULT, 0, offset, stored.size(), stored.data()),
            "write");
      }
    }
  }
}

void write_enum_actions(const H5File& file, int64_t frames) {
  const H5Type type(H5Tenum_create(H5T_STD_I32LE), "create");
  const char* names[] = {"STAY", "LEFT", "RIGHT"};
  for (int32_t value = 0; value < 3; ++value) H5Tenum_insert(type.get(), names[value], &value);
  const at::Tensor actions = at::arange(frames).remainder(3).to(at::kInt);
  const auto extent = static_cast<hsize_t>(frames);
  const H5Space space(H5Screate_simple(1, &extent, nullptr), "create");
  const H5Dataset dataset(H5Dcreate2(file.get(), "action", type.get(), space.get(), H5P_DEFAULT,
                                     H5P_DEFAULT, H5P_DEFAULT),
                          "create");
  check_h5(
      H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, actions.const_data_ptr()),
      "write");
}

/// Text as h5py writes it: of variable length, in a heap of its own.
void write_variable_text(const H5File& file, const char* name, const char* text) {
  const H5Type type(H5Tcopy(H5T_C_S1), "copy");
  H5Tset_size(type.get(), H5T_VARIABLE);
  const H5Space space(H5Screate(H5S_SCALAR), "create");
  const H5Attribute attribute(
      H5Acreate2(file.get(), name, type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT), "create");
  check_h5(H5Awrite(attribute.get(), type.get(), &text), "write");
}

void write_foreign_shard(const std::filesystem::path& path, const PixelLayout& layout) {
  const H5Lock lock;
  const H5File file = create_old(path);
  write_pixels(file, small_frames(24), layout);
  write_enum_actions(file, 24);
  write_column(file, "ep_len", at::tensor({12, 12}, at::kInt));
  write_column(file, "ep_offset", at::tensor({0, 12}, at::kLong));
  write_variable_text(file, "source", "somebody");
  write_variable_text(file, "action_space", R"({"type":"discrete","n":3})");
}

std::vector<Original> write_originals(const ScratchFolder& folder) {
  const auto add = [&](std::vector<Original>& list, const std::string& name, bool is_ours) {
    list.push_back({name, content_of(folder / name), is_ours});
  };
  std::vector<Original> originals;
  for (const auto& [name, compression] : {std::pair{"ours_zstd", Compression::zstd},
                                          {"ours_gzip", Compression::gzip},
                                          {"ours_none", Compression::none}}) {
    write_shard(folder / name, {numbered_episode(20, 16), numbered_episode(12, 16)}, compression);
    add(originals, name, true);
  }
  const std::vector<std::pair<std::string, PixelLayout>> layouts{
      {"contiguous", {}},
      {"gzip", {{8, 16, 16, 3}, {{kShuffleFilterId, {1}}, {kGzipFilterId, {4}}}}},
      {"gzip_tiles", {{8, 8, 8, 3}, {{kGzipFilterId, {4}}, {kFletcherFilterId}}}},
      {"zstd", {{8, 16, 16, 3}, {{kZstdFilterId, {3}}}}},
      {"zstd_tiles", {{8, 8, 8, 3}, {{kZstdFilterId, {3}}}}}};
  for (const auto& [name, layout] : layouts) {
    write_foreign_shard(folder / name, layout);
    add(originals, name, false);
  }
  return originals;
}

TEST(ShardMutation, TheOriginalsAreSound) {
  const ScratchFolder folder;
  for (const auto& original : write_originals(folder)) {
    const VerifyReport report = verify_dataset(folder / original.name, nullptr);
    EXPECT_TRUE(report.problems.empty()) << original.name << ": " << report.problems[0];
    EXPECT_EQ(inspect_shard(folder / original.name).actions, "discrete 3");
  }
}

TEST(ShardMutation, EveryDamagedShardEndsInSuccessOrASentence) {
  MutationRun run(write_originals);
  run.run(mutation_seconds(15));
  std::printf("%lld damaged shards; HDF5 itself crashed on %lld\n",
              static_cast<long long>(run.num_shards()),
              static_cast<long long>(run.num_hdf5_crashes()));
  EXPECT_GE(run.num_shards(), 100);
  EXPECT_LE(run.num_hdf5_crashes(), run.num_shards() / 50 + 1);
}

}  // namespace
}  // namespace nextframe
