// SPDX-License-Identifier: LGPL-2.1-or-later
// The loader of golden files.
#include "tests/support/golden.hpp"

#include <cctype>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace sr::test {
namespace {

std::byte octet_of_word(const std::string& word)
{
    if (word.size() != 2 || std::isxdigit(static_cast<unsigned char>(word[0])) == 0 ||
        std::isxdigit(static_cast<unsigned char>(word[1])) == 0) {
        throw std::runtime_error("golden: '" + word + "' is no octet");
    }
    return static_cast<std::byte>(std::stoul(word, nullptr, 16));
}

void append_word(Octets& octets, const std::string& word)
{
    if (word[0] == '@') {
        const Octets other = golden(word.substr(1));
        octets.insert(octets.end(), other.begin(), other.end());
        return;
    }
    const auto star = word.find('*');
    const std::size_t count = star == std::string::npos ? 1 : std::stoul(word.substr(star + 1));
    octets.insert(octets.end(), count, octet_of_word(word.substr(0, star)));
}

}  // namespace

Octets octets_of_hex(const std::string& text)
{
    Octets octets;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words{line.substr(0, line.find('#'))};
        for (std::string word; words >> word;) {
            append_word(octets, word);
        }
    }
    return octets;
}

Octets golden(const std::string& name)
{
    std::ifstream file{std::string{SR_GOLDEN_DIR "/"} + name};
    if (!file) {
        throw std::runtime_error("golden: no file " + name);
    }
    std::ostringstream text;
    text << file.rdbuf();
    return octets_of_hex(text.str());
}

Octets golden_body(const std::string& name)
{
    const Octets record = golden(name);
    const auto octet = [&](std::size_t i) { return std::to_integer<std::size_t>(record.at(i)); };
    const std::size_t length = octet(4) | octet(5) << 8 | octet(6) << 16 | octet(7) << 24;
    if (record.size() != 8 + (length + 7) / 8 * 8) {
        throw std::runtime_error("golden: " + name + " is not a record of its length");
    }
    return {record.begin() + 8, record.begin() + 8 + static_cast<std::ptrdiff_t>(length)};
}

}  // namespace sr::test
