#include "data/checksum.h"

#include "data/h5.h"
#include "tests/data/scratch.h"

namespace nextframe {
namespace {

/// The last four bytes of a chunk that HDF5 itself has written with its fletcher32 filter.
uint32_t checksum_by_hdf5(const std::filesystem::path& path, const std::vector<uint8_t>& bytes) {
  const H5Lock lock;
  const H5File file = create_h5(path);
  const hsize_t size = bytes.size();
  const H5Space space(H5Screate_simple(1, &size, nullptr), "test");
  const H5PropertyList creation(H5Pcreate(H5P_DATASET_CREATE), "test");
  H5Pset_chunk(creation.get(), 1, &size);
  H5Pset_fletcher32(creation.get());
  const H5Dataset dataset(H5Dcreate2(file.get(), "x", H5T_STD_U8LE, space.get(), H5P_DEFAULT,
                                     creation.get(), H5P_DEFAULT),
                          "test");
  H5Dwrite(dataset.get(), H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data());
  H5Fflush(file.get(), H5F_SCOPE_GLOBAL);
  std::vector<uint8_t> stored(bytes.size() + 4);
  const hsize_t offset = 0;
  uint32_t mask = 0;
  check_h5(H5Dread_chunk(dataset.get(), H5P_DEFAULT, &offset, &mask, stored.data()), "test");
  uint32_t sum = 0;
  for (size_t i = 0; i < 4; ++i) sum |= static_cast<uint32_t>(stored[bytes.size() + i]) << (8 * i);
  return sum;
}

TEST(Fletcher32, AgreesWithHdf5OnEvenAndOddLengths) {
  const ScratchFolder folder;
  for (const size_t length : {1u, 2u, 3u, 719u, 720u, 721u, 65535u, 300001u}) {
    std::vector<uint8_t> bytes(length);
    for (size_t i = 0; i < length; ++i) bytes[i] = static_cast<uint8_t>(i * i * 31 + i / 7);
    EXPECT_EQ(fletcher32(bytes.data(), length), checksum_by_hdf5(folder / "x.h5", bytes)) << length;
    const std::vector<uint8_t> ones(length, 0xff);
    EXPECT_EQ(fletcher32(ones.data(), length), checksum_by_hdf5(folder / "x.h5", ones)) << length;
  }
}

TEST(Hasher, KeepsPiecesApart) {
  Hasher first, second;
  first.add(std::string("ab"));
  first.add(std::string("c"));
  second.add(std::string("a"));
  second.add(std::string("bc"));
  EXPECT_NE(first.digest(), second.digest());
  EXPECT_EQ(first.digest().size(), 32U);
}

TEST(FileXxh3, IsTheHashOfAllBytes) {
  const ScratchFolder folder;
  std::ofstream(folder / "empty").flush();
  EXPECT_EQ(file_xxh3(folder / "empty"), "2d06800538d394c2");  // XXH3-64 of no bytes
  std::ofstream(folder / "x") << "x";
  EXPECT_NE(file_xxh3(folder / "x"), file_xxh3(folder / "empty"));
}

}  // namespace
}  // namespace nextframe
