// Configs that extend others: order, places, circles, missing files.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/trainer/config_texts.h"
#include "tests/trainer/fake_model.h"

namespace nextframe {
namespace {

class ConfigFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() / ("nextframe_config_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_ / "base");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  std::string errors_of_file(const std::string& path) const {
    try {
      load_config(path);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  }

  std::filesystem::path folder_;
};

TEST_F(ConfigFiles, WhatComesLaterIsStronger) {
  write("base/model.yaml", with("optimizer: {lr: 0.1, beta1: 0.5, beta2: 0.6}\n"));
  write("base/fast.yaml", "optimizer: {lr: 0.2, beta1: 0.7}\n");
  const auto path = write("run.yaml",
                          "extends: [base/model.yaml, base/fast.yaml]\n"
                          "optimizer: {lr: 0.3}\n");
  EXPECT_EQ(load_config(path).optimizer.lr, 0.3);
  EXPECT_EQ(load_config(path).optimizer.beta1, 0.7);
  EXPECT_EQ(load_config(path).optimizer.beta2, 0.6);
  EXPECT_EQ(load_config(path).optimizer.epsilon, OptimizerConfig().epsilon);
  EXPECT_EQ(load_config(path, {"optimizer.lr=0.4"}).optimizer.lr, 0.4);
  EXPECT_EQ(field_of(load_config(path), "optimizer.beta1").origin,
            (folder_ / "base/fast.yaml:1:22").string());
}

TEST_F(ConfigFiles, ExtendsIsRelativeToItsFileAndOneNameNeedsNoList) {
  write("base/root.yaml", with(""));
  write("base/middle.yaml", "extends: root.yaml\ntrainer: {seed: 5}\n");
  const auto path = write("run.yaml", "extends: base/middle.yaml\n");
  EXPECT_EQ(load_config(path).trainer.seed, 5);
}

TEST_F(ConfigFiles, ACircleIsNamed) {
  const auto a = write("a.yaml", "extends: b.yaml\n");
  const auto b = write("b.yaml", "extends: [base/../a.yaml]\n");
  EXPECT_EQ(errors_of_file(a), b + ":1:11 error  extends goes in a circle: " + a + " -> " + b +
                                   " -> " + a +
                                   "\n     1 | extends: [base/../a.yaml]\n"
                                   "       |           ^\n1 error; nothing was started.");
}

TEST_F(ConfigFiles, AMissingFileIsNamedWithItsNeighbour) {
  const auto path = write("coinrun.yaml", "extends: bse.yaml\n");
  write("base.yaml", with(""));
  EXPECT_EQ(errors_of_file((folder_ / "conrun.yaml").string()),
            (folder_ / "conrun.yaml").string() + " error  the file does not exist; did you mean '" +
                path + "'?\n1 error; nothing was started.");
  EXPECT_NE(errors_of_file(path).find(":1:10 error  extends '" + (folder_ / "bse.yaml").string() +
                                      "': the file does not exist; did you mean '" +
                                      (folder_ / "base.yaml").string() + "'?"),
            std::string::npos);
  EXPECT_NE(errors_of_file(folder_.string()).find("is not a file"), std::string::npos);
  EXPECT_NE(errors_of_file(write("big.yaml", std::string(2 << 20, ' '))).find("has 2097152 bytes"),
            std::string::npos);
  EXPECT_NE(errors_of_file(write("odd.yaml", "extends: {a: b}\n"))
                .find("extends needs a file name or a list of them"),
            std::string::npos);
}

}  // namespace
}  // namespace nextframe
