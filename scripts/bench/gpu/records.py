"""Results of a run: one JSON object a line, written at once, so that no result is lost."""
import json
import os

NAME = "gpu_suite"


class Records:
    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.path = f"{folder}/{NAME}.jsonl"

    def add(self, part, **values):
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"part": part, **values}) + "\n")

    def read(self):
        if not os.path.exists(self.path):
            return []
        with open(self.path, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]  # a killed piece may leave half a line

    def forget(self, is_old):
        """Removes the records that are to be made again."""
        kept = [record for record in self.read() if not is_old(record)]
        with open(self.path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(record) + "\n" for record in kept)
