// escape_xml(): what would be mark-up, and what a reader would make spaces of.
#include "base/xml.h"

#include <gtest/gtest.h>

namespace hesper {
namespace {

TEST(EscapeXml, LeavesNoMarkUp) {
  EXPECT_EQ(escape_xml("/srv/debian 13.qcow2"), "/srv/debian 13.qcow2");
  EXPECT_EQ(escape_xml("a<b>&'c'\"d\""), "a&lt;b&gt;&amp;&apos;c&apos;&quot;d&quot;");
  EXPECT_EQ(escape_xml("&lt;"), "&amp;lt;");
}

TEST(EscapeXml, KeepsTabsAndLineEnds) { EXPECT_EQ(escape_xml("\ta\r\n"), "&#9;a&#13;&#10;"); }

}  // namespace
}  // namespace hesper
