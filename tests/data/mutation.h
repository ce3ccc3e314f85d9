// What the tests of readers share: small changes to files, the same in every run, and a bound on
// the memory that reading them takes.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

namespace nextframe::testing_mutation {

/// `by_default` mutants, or that many times NEXTFRAME_MUTANTS for a long run.
inline int num_mutants(int by_default) {
  const char* times = std::getenv("NEXTFRAME_MUTANTS");
  return by_default * std::max(1, times == nullptr ? 1 : std::atoi(times));
}

class FileMutator {
 public:
  explicit FileMutator(uint32_t seed) : random_(seed) {}  // NOLINT: the same mutants every time

  uint32_t below(size_t end) { return static_cast<uint32_t>(random_() % std::max<size_t>(1, end)); }

  template <class T>
  const T& one_of(const std::vector<T>& values) {
    return values[below(values.size())];
  }

  /// Numbers that readers trip over, and some that are nearly right.
  int64_t number(int64_t right) {
    return one_of<int64_t>({0, 1, -1, right + 1, right - 1, right * 2, 255, 65535, 65536,
                            0x7fffffff, 0xffffffff, int64_t{1} << 40, int64_t{1} << 62, INT64_MAX,
                            INT64_MIN, static_cast<int64_t>(random_()) << 20});
  }

  /// A few bytes replaced, removed, repeated, cut off, or a piece put in between.
  std::string bytes(std::string text, const std::vector<std::string>& pieces = {}) {
    const uint32_t num_changes = 1 + below(4);
    for (uint32_t i = 0; i < num_changes && !text.empty(); ++i) {
      const size_t at = below(text.size());
      switch (below(pieces.empty() ? 5 : 7)) {
        case 0:
        case 1:
          text[at] = static_cast<char>(below(256));
          break;
        case 2:
          text.erase(at, 1 + below(12));
          break;
        case 3:
          text.insert(at, text.substr(below(text.size()), below(60)));
          break;
        case 4:
          if (below(3) == 0) text.resize(at);
          break;
        default:
          text.insert(at, one_of(pieces));
      }
    }
    return text;
  }

  /// Overwrites a little-endian number of `width` bytes.
  void put(std::string& text, size_t at, int width) {
    uint64_t old = 0;
    for (int i = 0; i < width && at + i < text.size(); ++i) {
      old |= uint64_t{static_cast<uint8_t>(text[at + i])} << (8 * i);
    }
    const auto value = static_cast<uint64_t>(number(static_cast<int64_t>(old)));
    for (int i = 0; i < width && at + i < text.size(); ++i) {
      text[at + i] = static_cast<char>(value >> (8 * i));
    }
  }

  /// One value somewhere in the tree becomes another: a wrong number, another type, nothing, deep
  /// brackets; or a member is lost, or takes another's value.
  template <class Json>
  void tree(Json& json) {
    Json* node = &json;
    while ((node->is_object() || node->is_array()) && !node->empty() && below(8) != 0) {
      auto item = node->begin();
      std::advance(item, below(node->size()));
      if (below(24) == 0) {
        node->erase(item);
        return;
      }
      node = &*item;
    }
    switch (below(10)) {
      case 0:
        *node = nullptr;
        break;
      case 1:
        *node = std::string("text");
        break;
      case 2:
        *node = one_of<double>({0.5, -1e300, 1e300, 1e19, -0.0});
        break;
      case 3:
        *node = Json::array({1, 2});
        break;
      case 4:
        *node = Json::object();
        break;
      case 5:
        *node = true;
        break;
      case 6:
        *node = UINT64_MAX - below(2);
        break;
      default:
        *node = number(node->is_number_integer() ? node->template get<int64_t>() : 3);
    }
  }

 private:
  std::mt19937 random_;
};

inline void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

/// Bytes of address space that the process has had at most, which counts what was asked for and not
/// used.
inline int64_t peak_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kib = 0;
    if (word == "VmPeak:" && status >> kib) return kib * 1024;
  }
  return 0;
}

/// Runs `read` on every mutant. It has to return or throw an `Error` that names the file, each
/// within seconds and all within 2 GiB. Returns how many were accepted.
template <class Error>
int read_mutants(int count, const std::string& name, const std::function<void(int)>& read) {
  constexpr int64_t kMostBytes = int64_t{2} << 30;
  constexpr double kMost_s = 10;
  const int64_t before = peak_bytes();
  int num_accepted = 0;
  for (int i = 0; i < count; ++i) {
    const auto start = std::chrono::steady_clock::now();
    try {
      read(i);
      ++num_accepted;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
    } catch (const std::exception& error) {
      ADD_FAILURE() << "mutant " << i << ": " << typeid(error).name() << ": " << error.what();
    }
    const std::chrono::duration<double> taken_s = std::chrono::steady_clock::now() - start;
    EXPECT_LT(taken_s.count(), kMost_s) << "mutant " << i;
    if (::testing::Test::HasFailure()) break;
  }
  EXPECT_LT(peak_bytes() - before, kMostBytes);
  return num_accepted;
}

}  // namespace nextframe::testing_mutation
