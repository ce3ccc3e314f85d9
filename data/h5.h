// This file is HDF5 made safe: one lock around the library, owning handles, errors that are thrown.
#pragma once

#include <hdf5.h>

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/error.h"

namespace nextframe {

/// Held around every HDF5 call: the library has one global state. Registers our zstd filter and
/// stops HDF5 from printing its own error stack. May be nested.
class H5Lock {
 public:
  H5Lock();

 private:
  std::unique_lock<std::recursive_mutex> lock_;
};

/// An HDF5 identifier that is closed exactly once. `what` completes "HDF5 cannot ...".
template <herr_t (*Close)(hid_t)>
class H5Handle {
 public:
  H5Handle(hid_t id, const std::string& what) : id_(id) {
    if (id_ < 0) throw DataError("HDF5 cannot " + what);
  }
  H5Handle(H5Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  H5Handle& operator=(H5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~H5Handle() {
    if (id_ < 0) return;
    const H5Lock lock;
    Close(id_);
  }
  hid_t get() const { return id_; }

 private:
  hid_t id_;
};

using H5File = H5Handle<H5Fclose>;
using H5Dataset = H5Handle<H5Dclose>;
using H5Space = H5Handle<H5Sclose>;
using H5Type = H5Handle<H5Tclose>;
using H5Attribute = H5Handle<H5Aclose>;
using H5PropertyList = H5Handle<H5Pclose>;

/// Throws DataError("HDF5 cannot <what>") if an HDF5 call failed.
void check_h5(herr_t status, const std::string& what);

/// Read only and without file locks, which shared file systems often lack.
H5File open_h5(const std::filesystem::path& path);

/// A new file that HDF5 1.10 and later can read.
H5File create_h5(const std::filesystem::path& path);

std::vector<hsize_t> h5_shape(const H5Dataset& dataset);
bool h5_has(const H5File& file, const std::string& name);
std::vector<std::string> h5_names(const H5File& file);  // of the root, in alphabetical order

/// Root attributes: text is variable-length UTF-8, numbers are scalars.
void write_attribute(const H5File& file, const std::string& name, const std::string& value);
void write_attribute(const H5File& file, const std::string& name, int64_t value);
std::optional<std::string> read_text_attribute(const H5File& file, const std::string& name);
std::optional<int64_t> read_integer_attribute(const H5File& file, const std::string& name);

}  // namespace nextframe
