// This file is a report's files: report.json, report.md and report.html in one folder.
#pragma once

#include <string>
#include <vector>

#include "trainer/evaluate/dream.h"
#include "trainer/evaluate/report.h"

namespace nextframe {

/// Makes the folder if need be; a file is replaced whole or not at all. The page shows `dreams`.
void write_report(const std::string& folder, const EvaluationReport& report,
                  const std::vector<Dream>& dreams);

}  // namespace nextframe
