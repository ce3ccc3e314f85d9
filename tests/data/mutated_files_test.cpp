// Files that somebody else wrote, a little wrong: read or refused, but never a crash, a hang, or
// memory that the file does not fill.
#include <png.h>
#include <zlib.h>

#include "data/import/action_table.h"
#include "data/import/png_image.h"
#include "data/importer.h"
#include "data/shard_index.h"
#include "tests/data/mutation.h"
#include "tests/data/scratch.h"

namespace nextframe {
namespace {

using nextframe::testing_mutation::FileMutator;
using nextframe::testing_mutation::num_mutants;
using nextframe::testing_mutation::read_mutants;
using nextframe::testing_mutation::write_file;

std::string little_endian(uint64_t value, int width) {
  std::string bytes;
  for (int i = 0; i < width; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

struct Member {
  std::string name, content;
  bool is_deflated = false;
};

std::string deflated(const std::string& content) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// Where a number of a file stands, and how many bytes it has.
struct Spot {
  size_t at;
  int width;
};

/// A zip archive as NumPy writes it; `spots` gets its numbers.
std::string zip_of(const std::vector<Member>& members, std::vector<Spot>& spots) {
  std::string file, directory;
  std::vector<Spot> of_directory;
  for (const auto& [name, content, is_deflated] : members) {
    const auto stored = is_deflated ? deflated(content) : content;
    const auto crc =
        crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size()));
    const std::string common =
        little_endian(20, 2) + little_endian(0, 2) + little_endian(is_deflated ? 8 : 0, 2) +
        little_endian(0, 4) + little_endian(crc, 4) + little_endian(stored.size(), 4) +
        little_endian(content.size(), 4) + little_endian(name.size(), 2) + little_endian(0, 2);
    const auto offset = file.size();
    const std::vector<Spot> of_common = {{4, 2}, {10, 4}, {14, 4}, {18, 4}, {22, 2}, {24, 2}};
    for (const auto& [at, width] : of_common) {
      spots.push_back({offset + 4 + at, width});
      of_directory.push_back({directory.size() + 6 + at, width});
    }
    of_directory.push_back({directory.size() + 32, 2});
    of_directory.push_back({directory.size() + 42, 4});
    file += little_endian(0x04034b50, 4) + common + name + stored;
    directory += little_endian(0x02014b50, 4) + little_endian(20, 2) + common +
                 std::string(10, '\0') + little_endian(offset, 4) + name;
  }
  const auto begin = file.size(), end = begin + directory.size();
  for (const auto& [at, width] : of_directory) spots.push_back({begin + at, width});
  for (const auto& [at, width] : std::vector<Spot>{{8, 2}, {10, 2}, {12, 4}, {16, 4}, {20, 2}}) {
    spots.push_back({end + at, width});
  }
  return file + directory + little_endian(0x06054b50, 4) + little_endian(0, 4) +
         little_endian(members.size(), 2) + little_endian(members.size(), 2) +
         little_endian(directory.size(), 4) + little_endian(begin, 4) + little_endian(0, 2);
}

std::string npy_of(const std::string& type, const std::string& shape, const std::string& values) {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
  header.resize((header.size() + 10 + 64) / 64 * 64 - 10, ' ');
  return "\x93NUMPY" + std::string("\x01\0", 2) + little_endian(header.size(), 2) + header + values;
}

std::vector<Member> recording(bool is_deflated) {
  std::string frames, actions, ends;
  for (int i = 0; i < 20 * 8 * 8 * 3; ++i) frames += static_cast<char>(i * 7);
  for (int t = 0; t < 20; ++t) {
    actions += little_endian(static_cast<uint64_t>(t % 3), 8);
    ends += static_cast<char>(t % 10 == 9);
  }
  return {{"frames.npy", npy_of("|u1", "(20, 8, 8, 3)", frames), is_deflated},
          {"actions.npy", npy_of("<i8", "(20,)", actions), is_deflated},
          {"episode_ends.npy", npy_of("|b1", "(20,)", ends), is_deflated}};
}

void import_npz(const std::string& path) {
  const auto source = ImporterRegistry::instance().get("npz", "importer").open(path, {});
  source->read([](const RecordedEpisode& episode) { episode.frames_THWC.numel(); });
}

/// Half of them with other numbers in the archive's own records, half with another array inside of
/// an archive that is right.
std::string npz_mutant(FileMutator& mutate) {
  static const std::vector<std::string> kHeaders = {"(99999999999, 8, 8, 3)",
                                                    "(99999999999999999999,)",
                                                    "(-1, 8)",
                                                    "(0, 8, 8, 3)",
                                                    "(20, 0)",
                                                    "()",
                                                    "(",
                                                    "20",
                                                    "(20, 4611686018427387904, 4)",
                                                    "(20, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)",
                                                    "'|O'",
                                                    "'<f8'",
                                                    "'>i4'",
                                                    "'<U999999999'",
                                                    "True",
                                                    "'descr'",
                                                    "}",
                                                    "\xff",
                                                    std::string(1, '\0')};
  auto members = recording(mutate.below(2) == 0);
  std::vector<Spot> spots;
  if (mutate.below(2) == 0) {
    auto& content =
        mutate.one_of(std::vector<Member*>{&members[0], &members[1], &members[2]})->content;
    if (mutate.below(2) == 0) {
      const auto open = content.find('(');
      content.replace(open, content.find(')') + 1 - open, mutate.one_of(kHeaders));
    } else {
      content = mutate.bytes(content.substr(0, 128), kHeaders) + content.substr(128);
    }
    return zip_of(members, spots);
  }
  auto file = zip_of(members, spots);
  for (uint32_t i = 0; i <= mutate.below(3); ++i) {
    const auto spot = mutate.one_of(spots);
    mutate.put(file, spot.at, spot.width);
  }
  return mutate.below(3) == 0 ? mutate.bytes(file) : file;
}

TEST(MutatedFiles, NpzIsReadOrRefused) {
  const ScratchFolder folder;
  const auto path = (folder / "a.npz").string();
  std::vector<Spot> ignored;
  for (const bool is_deflated : {false, true}) {
    write_file(path, zip_of(recording(is_deflated), ignored));
    import_npz(path);
  }
  FileMutator mutate(1);
  const int count = num_mutants(4000);
  const int accepted = read_mutants<DataError>(count, path, [&](int) {
    write_file(path, npz_mutant(mutate));
    import_npz(path);
  });
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, count);
}

TEST(MutatedFiles, AMemberThatUnpacksToMoreThanItCanIsRefused) {
  const ScratchFolder folder;
  const auto path = (folder / "a.npz").string();
  std::vector<Spot> ignored;
  auto members = recording(true);
  members[0].content = npy_of("|u1", "(1000000000, 8, 8, 3)", std::string(64, 'x'));
  write_file(path, zip_of(members, ignored));
  const auto error = data_error_of([&] { import_npz(path); });
  EXPECT_TRUE(contains(error, "[1000000000, 8, 8, 3] in 64 bytes")) << error;
}

uint32_t big_endian(const std::string& bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

std::string big_endian(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

/// The chunks of a PNG file: type and content.
using Chunks = std::vector<std::pair<std::string, std::string>>;

Chunks chunks_of(const std::string& file) {
  Chunks chunks;
  for (size_t at = 8; at + 12 <= file.size();) {
    const auto length = big_endian(file, at);
    chunks.emplace_back(file.substr(at + 4, 4), file.substr(at + 8, length));
    at += 12 + length;
  }
  return chunks;
}

std::string png_of(const Chunks& chunks) {
  std::string file = "\x89PNG\r\n\x1a\n";
  for (const auto& [type, content] : chunks) {
    const auto body = type + content;
    file += big_endian(static_cast<uint32_t>(content.size())) + body +
            big_endian(static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(body.data()),
                                                   static_cast<uInt>(body.size()))));
  }
  return file;
}

std::string small_png(const std::string& path) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.height = 12, image.width = 16, image.format = PNG_FORMAT_RGB;
  const std::string pixels(12 * 16 * 3, 'p');
  png_image_write_to_file(&image, path.c_str(), 0, pixels.data(), 0, nullptr);
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// With right checksums, so that the lies are reached.
std::string png_mutant(FileMutator& mutate, Chunks chunks, const std::string& right) {
  auto& header = chunks.front().second;
  switch (mutate.below(5)) {
    case 0: {  // a size
      const auto value = static_cast<uint32_t>(mutate.number(16));
      header.replace(4 * mutate.below(2), 4, big_endian(value));
      return png_of(chunks);
    }
    case 1:  // depth, colours, compression, filter, interlacing
      header[8 + mutate.below(5)] = static_cast<char>(mutate.below(20));
      return png_of(chunks);
    case 2: {
      auto& chunk = chunks[mutate.below(chunks.size())];
      chunk.second = mutate.bytes(chunk.second);
      return png_of(chunks);
    }
    case 3:
      std::swap(chunks[mutate.below(chunks.size())], chunks[mutate.below(chunks.size())]);
      chunks.insert(chunks.begin() + mutate.below(chunks.size()),
                    {mutate.one_of<std::string>({"PLTE", "tRNS", "gAMA", "iCCP", "IDAT", "abcd"}),
                     std::string(mutate.below(40), static_cast<char>(mutate.below(256)))});
      return png_of(chunks);
    default:
      return mutate.bytes(right);
  }
}

TEST(MutatedFiles, PngIsReadOrRefused) {
  const ScratchFolder folder;
  const auto path = (folder / "a.png").string();
  const auto right = small_png(path);
  const auto chunks = chunks_of(right);
  ASSERT_EQ(png_of(chunks), right);
  FileMutator mutate(2);
  const int count = num_mutants(3000);
  const int accepted = read_mutants<DataError>(count, path, [&](int) {
    write_file(path, png_mutant(mutate, chunks, right));
    read_png(path);
  });
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, count);
}

TEST(MutatedFiles, APictureThatItsBytesCannotHoldIsRefusedBeforeMemoryIsAskedFor) {
  const ScratchFolder folder;
  const auto path = (folder / "a.png").string();
  auto chunks = chunks_of(small_png(path));
  for (const auto& [side, reason] :
       {std::pair{uint32_t{16000}, "cannot hold"}, std::pair{uint32_t{900000}, "too large"}}) {
    chunks.front().second.replace(0, 8, big_endian(side) + big_endian(side));
    write_file(path, png_of(chunks));
    const auto error = data_error_of([&] { read_png(path); });
    EXPECT_TRUE(contains(error, reason)) << error;
  }
}

TEST(MutatedFiles, ActionTablesAreReadOrRefused) {
  const ScratchFolder folder;
  const auto path = (folder / "actions.csv").string();
  const std::vector<std::string> pieces = {",",
                                           ",,",
                                           "\n\n",
                                           "\r",
                                           "nan",
                                           "inf",
                                           "1e999",
                                           "-1",
                                           "\xef\xbb\xbf",
                                           "\xff",
                                           "\"",
                                           ";",
                                           std::string(1, '\0'),
                                           std::string(400, '9'),
                                           "0x10",
                                           "1.5",
                                           std::string(3000, ','),
                                           "65536"};
  std::string right = "action\n";
  for (int t = 0; t < 20; ++t) right += std::to_string(t % 3) + "\n";
  FileMutator mutate(3);
  const int accepted = read_mutants<DataError>(num_mutants(4000), path, [&](int) {
    write_file(path, mutate.bytes(right, pieces));
    EXPECT_LE(read_action_table(path, 20).rows.size(), 20U);
  });
  EXPECT_GT(accepted, 0);
}

TEST(MutatedFiles, ALineWithoutEndIsRefused) {
  const ScratchFolder folder;
  const auto path = folder / "actions.csv";
  write_file(path, "action\n" + std::string(size_t{3} << 20, '1'));
  const auto error = data_error_of([&] { read_action_table(path, 20); });
  EXPECT_TRUE(contains(error, "actions.csv:2: '1111111")) << error.substr(0, 200);
  EXPECT_LT(error.size(), 300U);
}

TEST(MutatedFiles, IndexesAreReadOrRefused) {
  const ScratchFolder folder;
  const auto path = folder / "index.json";
  const auto right = nlohmann::json::parse(
      R"({"format": "nextframe", "format_version": "1.0", "generator": "g", "shards": [)"
      R"({"path": "s0.h5", "bytes": 100, "xxh3_64": "0123456789abcdef", "ep_len": [20, 20]},)"
      R"({"path": "s1.h5", "bytes": 200, "xxh3_64": "0123456789abcdef", "ep_len": [20]}]})");
  FileMutator mutate(4);
  const int count = num_mutants(3000);
  const int accepted = read_mutants<DataError>(count, path, [&](int i) {
    auto json = right;
    mutate.tree(json);
    write_file(path, i % 4 == 0 ? mutate.bytes(right.dump()) : json.dump());
    read_index(folder.path());
  });
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, count);
}

TEST(MutatedFiles, BracketsWithoutEndAreSomebodyElsesIndex) {
  const ScratchFolder folder;
  write_file(folder / "index.json", "{\"shards\": " + std::string(size_t{4} << 20, '['));
  EXPECT_EQ(data_error_of([&] { read_index(folder.path()); }), "");
}

}  // namespace
}  // namespace nextframe
