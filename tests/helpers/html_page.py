"""A page of HTML as a browser would see it, and a text that would break one."""

from html.parser import HTMLParser

NASTY = """<script>alert(1)</script>" onclick='x' | {{ 7*7 }} <!-- & &amp; ]]>"""
VOID = {"meta", "input", "br", "link", "hr", "img"}


class Page(HTMLParser):
    """What a browser would see: elements with attributes, and text outside scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]
