"""Ten thousand conditions of a dozen shapes, no two of one text, such as a large configuration holds."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SHAPES: Mapping[str, str] = MappingProxyType(
    {
        "article": "request.json()['dataframe_split']['data'][0][0].startswith('Domain {n} specific text')",
        "header": "request.headers['X-Tenant'] == 'tenant-{n}'",
        "header in": "request.headers.get('X-Tier', 'free') in ('gold-{n}', 'platinum-{n}', 'silver')",
        "path": "request.path.startswith('/tenants/{n}/') and request.method == 'POST'",
        "parameter": "request.args.get('version') == 'v{n}' or 'beta-{n}' in request.cookies",
        "length": "len(request.json['instances']) > {n} and request.json['mode'] != 'batch'",
        "range": "{n} <= request.json['amount'] < {n}.5 and not request.json.get('test')",
        "any": "any(row['amount'] > {n} for row in request.json['dataframe_records'])",
        "sum": "sum(row['price'] * row['count'] for row in request.json['rows'] if row['kind'] == 'k{n}') > 100",
        "pattern": "re.search(r'(?i)\\bcontract-{n}\\b', request.json['inputs'][0])",
        "network": "ip_in(request.remote_addr, '10.{high}.{low}.0/24') and request.headers['X-Env'] == 'prod'",
        "bucket": "bucket(request.headers['X-User'], 100, salt='experiment-{n}') < 10",
    }
)
"""By name, each with a place for a number that no other condition of the shape has."""


def texts(number: int) -> dict[str, list[str]]:
    """About ``number`` conditions in all, the same number of each shape, at least one."""
    each = max(1, round(number / len(SHAPES)))
    return {
        name: [shape.format(n=n, high=n // 256 % 256, low=n % 256) for n in range(each)]
        for name, shape in SHAPES.items()
    }
