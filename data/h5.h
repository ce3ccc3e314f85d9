// HDF5 made safe: one lock around the library, owning handles, errors that are thrown, and files
// and attributes that are looked at before the library reads them.
#pragma once

#include <hdf5.h>

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/error.h"
#include "data/h5_guard.h"

namespace nextframe {

/// Held around every HDF5 call: the library has one global state. Registers our filters, stops
/// HDF5 from printing its own error stack, and turns a crash inside it into a sentence. May be
/// nested.
class H5Lock {
 public:
  H5Lock();
  ~H5Lock() { unlock(); }
  H5Lock(const H5Lock&) = delete;
  H5Lock& operator=(const H5Lock&) = delete;

  /// Before the end of its life.
  void unlock();

 private:
  std::unique_lock<std::recursive_mutex> lock_;
  std::optional<H5CrashGuard> guard_;  // of the outermost lock
};

/// Held around every HDF5 call that writes to `path`, with the lock. While one lives, a call that
/// fails throws FileError; from then on no handle is closed, because HDF5 crashes when it closes
/// what it could not write. The file stays open until the process ends.
class H5Writing {
 public:
  explicit H5Writing(const std::filesystem::path& path);
  ~H5Writing();
  H5Writing(const H5Writing&) = delete;
  H5Writing& operator=(const H5Writing&) = delete;

 private:
  H5Lock lock_;
  std::filesystem::path former_;  // of the one around this
};

/// Why the library's last call failed, in its own words and after ": "; the system's words where
/// it was the system that refused; "" if it gave no reason.
std::string h5_reason();

/// Throws the error of a call that failed. `what` completes "HDF5 cannot ...".
[[noreturn]] void throw_h5_error(const std::string& what);

/// Whether writing has failed, so that handles are left open.
bool has_h5_failed_to_write();

/// An HDF5 identifier that is closed exactly once. `what` completes "HDF5 cannot ...".
template <herr_t (*Close)(hid_t)>
class H5Handle {
 public:
  H5Handle(hid_t id, const std::string& what) : id_(id) {
    if (id_ < 0) throw_h5_error(what);
  }
  H5Handle(H5Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  H5Handle& operator=(H5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~H5Handle() {
    if (id_ < 0 || has_h5_failed_to_write()) return;
    const H5Lock lock;
    Close(id_);
  }
  hid_t get() const { return id_; }

  /// Closes it now; a failure, which may be of a write that was put off, is thrown.
  void close(const std::string& what) {
    if (const hid_t id = std::exchange(id_, -1); Close(id) < 0) throw_h5_error(what);
  }
  /// Leaves it open until the process ends.
  void abandon() { id_ = -1; }

 private:
  hid_t id_;
};

using H5File = H5Handle<H5Fclose>;
using H5Dataset = H5Handle<H5Dclose>;
using H5Space = H5Handle<H5Sclose>;
using H5Type = H5Handle<H5Tclose>;
using H5Attribute = H5Handle<H5Aclose>;
using H5PropertyList = H5Handle<H5Pclose>;

/// Throws throw_h5_error(what) if an HDF5 call failed.
void check_h5(herr_t status, const std::string& what);

/// Throws DataError that names the file unless it is a regular file (not a folder or a pipe) in
/// which an HDF5 file begins, at its first byte or behind a user block.
void check_h5_file(const std::filesystem::path& path);

/// Checked, read only and without file locks, which shared file systems often lack. DataErrors
/// name the file.
H5File open_h5(const std::filesystem::path& path);

/// Opens a dataset of the root, through soft and external links; throws DataError without the
/// file's name. No link leads to anything but a regular file.
H5Dataset open_dataset(const H5File& file, const std::string& name);

/// Where the file lies, and its length.
std::filesystem::path h5_path(const H5File& file);
int64_t h5_file_bytes(const H5File& file);

/// A new file that HDF5 1.10 and later can read, with checksums over its metadata.
H5File create_h5(const std::filesystem::path& path);

std::vector<hsize_t> h5_shape(const H5Dataset& dataset);
bool h5_has(const H5File& file, const std::string& name);
std::vector<std::string> h5_names(const H5File& file);  // of the root, in alphabetical order

/// Properties for following links, by which no link leads to anything but a regular file; of the
/// class H5P_LINK_ACCESS or one derived from it. Under H5Lock.
H5PropertyList watched_links(hid_t property_class);

/// Root attributes: text is UTF-8 (read at fixed or variable length), numbers are scalars.
void write_attribute(const H5File& file, const std::string& name, const std::string& value);
void write_attribute(const H5File& file, const std::string& name, int64_t value);

/// Nothing if there is no such attribute, or if it is not a single text. `object`: the group or
/// dataset that has it; "." for the root.
std::optional<std::string> read_text_attribute(const H5File& file, const std::string& name,
                                               const std::string& object = ".");
/// A single integer, boolean or floating number; nothing if it is absent or something else.
std::optional<double> read_number_attribute(const H5File& file, const std::string& name,
                                            const std::string& object = ".");
/// The attribute as a person would write it: a text, 7, 1.5, true; "no such attribute", or what it
/// is if it is none of these.
std::string describe_attribute(const H5File& file, const std::string& name);
std::vector<std::string> attribute_names(const H5File& file);  // of the root, alphabetically

}  // namespace nextframe
