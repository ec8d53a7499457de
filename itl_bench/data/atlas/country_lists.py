"""What GeoNames does not say about countries: status, article, other names, what is ambiguous."""


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


TERRITORIES = _codes(
    "AS AI AQ AW AX BL BM BQ BV CC CK CW CX FK FO GF GG GI GL GP GS GU HK HM IM IO JE KY MF MO MP MQ MS NC NF NU PF "
    "PM PN PR RE SH SJ SX TC TF TK UM VG VI WF YT"
)
GONE_OR_DISPUTED = _codes("AN CS EH PS TW XK")
ARTICLES = _codes("AE BS CD CF CG CK DO FK FO GM IM KM KY MH MP MV NL PH SB TC US GB VG VI")
NAMES = {
    "AX": "Åland", "CV": "Cape Verde", "CW": "Curaçao", "NL": "Netherlands", "RE": "Réunion",
    "ST": "São Tomé and Príncipe", "TL": "East Timor", "VA": "Vatican City", "VI": "US Virgin Islands",
}  # fmt: skip
OTHER_NAMES: dict[str, tuple[str, ...]] = {
    "AE": ("UAE", "Emirates"),
    "AG": ("Antigua",),
    "AX": ("Åland Islands",),
    "BA": ("Bosnia", "Bosnia-Herzegovina"),
    "BN": ("Brunei Darussalam",),
    "BO": ("Plurinational State of Bolivia",),
    "CD": ("DR Congo", "DRC", "Congo-Kinshasa", "Zaire"),
    "CF": ("CAR",),
    "CG": ("Congo-Brazzaville", "Congo"),
    "CI": ("Côte d'Ivoire",),
    "CN": ("People's Republic of China", "PRC", "mainland China"),
    "CV": ("Cabo Verde",),
    "CZ": ("Czech Republic", "the Czech Republic"),
    "FM": ("Federated States of Micronesia",),
    "GB": ("UK", "Great Britain", "Britain", "England", "Scotland", "Wales", "Northern Ireland"),
    "IE": ("Republic of Ireland", "Eire"),
    "IR": ("Islamic Republic of Iran", "Persia"),
    "KN": ("St. Kitts",),
    "KP": ("DPRK", "Democratic People's Republic of Korea"),
    "KR": ("Republic of Korea", "Korea"),
    "LA": ("Lao PDR",),
    "MK": ("Macedonia",),
    "MM": ("Burma",),
    "NL": ("Holland",),
    "RU": ("Russian Federation",),
    "SY": ("Syrian Arab Republic",),
    "SZ": ("Swaziland",),
    "TL": ("Timor-Leste", "Timor Leste"),
    "TR": ("Türkiye", "Turkiye"),
    "TZ": ("United Republic of Tanzania",),
    "US": ("United States of America", "USA", "US", "U.S.", "U.S.A.", "New Mexico"),
    "VA": ("Holy See", "Vatican"),
    "VN": ("Viet Nam",),
}

# Capitals: two by law or the government elsewhere, disputed, abandoned, or changed so lately that texts disagree.
SEVERAL_CAPITALS = _codes("BJ BO CI IL KI LK MS MY NL NR PW SZ TZ YE ZA")
CHANGED_CAPITALS = _codes("BI GQ ID KZ")
CAPITALS: dict[str, tuple[str, ...]] = {
    "AE": ("Abu Dhabi",), "BR": ("Brasília", "Brasilia"), "CM": ("Yaoundé", "Yaounde"), "CO": ("Bogotá", "Bogota"),
    "CR": ("San José", "San Jose"), "GU": ("Hagåtña", "Hagatna"), "IN": ("New Delhi", "Delhi"),
    "MD": ("Chișinău", "Chisinau", "Kishinev"), "MM": ("Naypyidaw", "Nay Pyi Taw", "Naypyitaw"),
    "MN": ("Ulaanbaatar", "Ulan Bator"), "MV": ("Malé", "Male"), "NC": ("Nouméa", "Noumea"),
    "PY": ("Asunción", "Asuncion"), "TG": ("Lomé", "Lome"), "TM": ("Ashgabat", "Ashkhabad"), "UA": ("Kyiv", "Kiev"),
    "US": ("Washington, D.C.", "Washington"), "YE": ("Sanaa", "Sana'a"), "GG": ("Saint Peter Port",),
}  # fmt: skip

# Money: two kinds of legal tender, or changed since 2023.
SEVERAL_CURRENCIES = _codes("BT CK FK GG IM JE LS NA PA PS SV SZ TL ZW")
CHANGED_CURRENCIES = _codes("BG CW HR SX VE ZW")
UNITS = {"BA": "mark", "BY": "ruble", "CN": "yuan", "KH": "riel", "VE": "bolivar", "ZW": "gold"}
OTHER_UNITS: dict[str, tuple[str, ...]] = {
    "AW": ("florin",), "BA": ("marka", "convertible mark"), "BY": ("rouble",), "CN": ("renminbi", "yuan renminbi"),
    "CR": ("colón",), "CZ": ("crown",), "GB": ("pound sterling", "sterling"), "IL": ("sheqel", "new shekel"),
    "IS": ("króna",), "MD": ("lei",), "MN": ("tögrög", "togrog"), "NI": ("córdoba",), "OM": ("riyal",),
    "PL": ("złoty",), "PY": ("guaraní",), "QA": ("riyal",), "RO": ("lei",), "RU": ("rouble",), "SA": ("riyal",),
    "UZ": ("soum",), "YE": ("riyal",),
}  # fmt: skip
