// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading seeds and cutting real streams down to seeds.
#include "tests/fuzz/seeds.hpp"

#include "tests/fuzz/stream_parts.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

namespace sr::fuzz {
namespace {

namespace fs = std::filesystem;

/// Files of a folder with this ending, by name; none where there is no such folder.
std::vector<fs::path> files_in(const fs::path& folder, const char* extension)
{
    std::vector<fs::path> found;
    std::error_code missing;
    for (const auto& entry : fs::directory_iterator{folder, missing}) {
        if (entry.path().extension() == extension) {
            found.push_back(entry.path());
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

/// The first octets of a file that xz packed.
Octets unpack(const fs::path& file, std::size_t most)
{
    struct Close {
        void operator()(std::FILE* pipe) const { (void)::pclose(pipe); }
    };
    const std::string command = "xz -dc '" + file.string() + "' 2>/dev/null";
    const std::unique_ptr<std::FILE, Close> pipe{::popen(command.c_str(), "r")};
    Octets octets(most);
    octets.resize(pipe ? std::fread(octets.data(), 1, most, pipe.get()) : 0);
    return octets;
}

/// A few records of each type, of pages the first few; then what ends the stream.
Octets cut_down(const Octets& stream)
{
    constexpr std::size_t pages_kept = 6;
    constexpr unsigned records_kept = 2;
    StreamParts parts = split(stream);
    std::map<std::uint32_t, unsigned> seen;
    std::erase_if(parts.records,
                  [&](const Record& record) { return ++seen[record.type] > records_kept; });
    for (Record& record : parts.records) {
        if (auto pages = pages_of(record)) {
            pages->resize(std::min(pages->size(), pages_kept));
            record = record_of(*pages);
        }
    }
    return join(parts);
}

}  // namespace

std::vector<Seed> findings_of(const std::string& target)
{
    std::vector<Seed> made;
    for (const fs::path& file : files_in(fs::path{SR_FUZZ_DIR} / "findings" / target, ".hex")) {
        std::ostringstream text;
        text << std::ifstream{file}.rdbuf();
        made.push_back({"finding-" + file.stem().string(), test::octets_of_hex(text.str())});
    }
    return made;
}

std::vector<Seed> golden_seeds(std::initializer_list<const char*> names)
{
    std::vector<Seed> made;
    for (const char* name : names) {
        made.push_back({name, test::golden(name)});
    }
    return made;
}

std::vector<Seed> real_streams()
{
    constexpr std::size_t most = std::size_t{512} << 20;
    std::vector<Seed> made;
    const char* const folder = std::getenv("SR_STREAMS");
    for (const fs::path& file : files_in(folder != nullptr ? folder : "", ".xz")) {
        if (const Octets stream = unpack(file, most); !stream.empty()) {
            made.push_back({"real-" + file.stem().string(), cut_down(stream)});
        }
    }
    return made;
}

Octets prefixed(std::initializer_list<unsigned> choices, const Octets& body)
{
    Octets octets;
    for (const unsigned choice : choices) {
        octets.push_back(static_cast<std::byte>(choice));
    }
    octets.insert(octets.end(), body.begin(), body.end());
    return octets;
}

}  // namespace sr::fuzz
