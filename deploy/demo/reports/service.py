"""Stories of service: the answer to a citizen's request, and a department's notice."""

from datetime import date, datetime, time, timedelta, timezone

from deploy.demo.reports.parts import (
    SOURCE,
    DemoStory,
    body,
    day,
    head,
    item,
    media,
    next_monday,
    para,
    picture,
    quote,
    table,
    told,
    weekday,
)
from schemas.story import StoryIn, TopicRequest

BEIJING = timezone(timedelta(hours=8))


def night_bus(today: date) -> StoryIn:
    """The answer of the transport department to a request about the last bus."""
    asked_on = today - timedelta(days=9)
    start = next_monday(today)
    return StoryIn(
        slug="night-bus",
        kind="answer",
        headline="百姓点题丨夜班公交能不能晚点收车？",
        lead=f"网友点题：晚班下班没有公交。县交通运输局答复：从{day(start)}起，3路公交末班车由"
        "19时30分延至21时30分，沿途站点补装路灯。",
        byline="本报记者 禾小满",
        source=SOURCE,
        desk="民生部",
        columns=("百姓点题",),
        sections=("政务", "服务"),
        keywords=("百姓点题", "公交", "3路车", "夜班", "路灯"),
        cover="bus",
        media=media("bus.jpg"),
        answers=TopicRequest(
            id=f"QH-DT-{asked_on:%Y}-0137",
            asked="我在县工业园上班，经常晚上8点半才下班，3路公交末班车7点半就收了，打车回石桥要"
            "二十多元。能不能把末班车往后延一延？站台也黑，最好装上灯。",
            asked_at=datetime.combine(asked_on, time(20, 41), BEIJING),
        ),
        body=body(
            para(
                f"{day(asked_on)}晚，一位网友在融媒体中心客户端“百姓点题”栏目留言，反映县工业园"
                "晚班职工下班后无公交可乘。留言发出后，有86位居民点赞附议，编号随即转入县交通运输局"
                "办理。记者跟着这道“题”，看部门怎么答。"
            ),
            head("一道题，三个晚上的数据"),
            para(
                "接题第二天，县交通运输局会同公交公司到工业园蹲点。工作人员连续三个晚上在4家企业"
                "门口和6个站点数人头：20时至21时30分，有乘车需求的平均每晚143人，其中去石桥镇和"
                "城北片区的占七成。"
            ),
            quote(
                "数据说明问题，不是没有客流，是我们的车收得太早。", "县交通运输局公共交通科负责人"
            ),
            head("末班车延后两小时"),
            para(
                f"部门最终答复：自{day(start)}（{weekday(start)}）起，3路公交末班车由19时30分延至"
                "21时30分，19时30分以后每40分钟一班，票价不变。试运行三个月后，将根据客流决定是否"
                "加密班次。"
            ),
            table(
                "3路公交夜间班次（工业园站发车）",
                ("班次", "发车时间", "到石桥镇", "车型"),
                ("夜1班", "19:30", "20:05", "纯电动"),
                ("夜2班", "20:10", "20:45", "纯电动"),
                ("夜3班", "20:50", "21:25", "纯电动"),
                ("末班", "21:30", "22:05", "纯电动"),
            ),
            picture(
                "bus",
                "试跑当晚，3路公交驶近补装了太阳能路灯的站台。",
                "傍晚的乡村公路上，一辆绿白相间的公交车正驶近有人候车的站台，路灯已亮",
            ),
            head("站台亮起来"),
            para(
                "针对“站台黑”的反映，县住建局在沿线11个站点补装太阳能路灯22盏，更换破损候车亭"
                "顶棚3处，目前已全部亮灯。公交公司还为夜间司机增配了应急通信设备，乘客可在客户端"
                "查看车辆实时位置。"
            ),
            para(
                "点题网友试乘后留言：“灯亮了，车也有了，谢谢！”“百姓点题”栏目将在三个月后回访。"
                "您有什么操心事、烦心事，欢迎在客户端“百姓点题”继续出题，我们和部门一起答。"
            ),
        ),
    )


def water_notice(today: date) -> StoryIn:
    """The water department's notice of works; withdrawn when the works are put off."""
    works = today + timedelta(days=2)
    end = works + timedelta(days=1)
    return StoryIn(
        slug="water-works-notice",
        kind="notice",
        headline="停水通知丨城北片区供水管网检修公告",
        lead=f"因主管网阀门更换，{day(works)}22时至{day(end)}6时，城北片区部分路段停水8小时，"
        "请居民提前储水。",
        byline="通讯员 水小禾",
        source=SOURCE,
        desk="县水利局",
        columns=("热点",),
        sections=("服务", "政务"),
        keywords=("停水", "城北片区", "管网检修", "便民信息"),
        urgency=3,
        cover="lake",
        media=media("lake.jpg"),
        body=body(
            para(
                "为消除供水管网老化隐患、保障居民用水安全，县供水公司将对城北加压站出口的DN400"
                "主管阀门进行更换。施工期间需临时停水，现将有关事项公告如下，请相关单位和居民"
                "提前做好准备。"
            ),
            head("停水时间"),
            para(
                f"*{day(works)}（{weekday(works)}）22时至{day(end)}（{weekday(end)}）6时*，共8小时。"
                "施工选在夜间进行，如提前完工将提前恢复供水；如遇大雨等不宜施工的天气，将另行公告"
                "调整时间。"
            ),
            head("停水范围"),
            item("城北大道（望禾路口至禾香路口）两侧住宅小区及沿街商户；"),
            item("青禾中学、城北小学、县妇幼保健院城北分院；"),
            item("禾香社区、望禾社区所属的14个居民小区，约5200户。"),
            head("应急供水点"),
            table(
                "停水期间应急供水点",
                ("地点", "供水时间", "方式"),
                ("禾香社区广场", "22:00—次日6:00", "送水车"),
                ("望禾社区服务中心", "22:00—次日6:00", "送水车"),
                ("县妇幼保健院城北分院", "全程", "专用水箱"),
            ),
            para(
                "停水期间，3台送水车按上述地点驻点供水，请居民自带容器、有序取水。高龄老人、行动不便"
                "居民可联系所在社区，由网格员和志愿者送水上门；餐饮、理发等用水较多的商户，请提前"
                "安排好营业时间。"
            ),
            head("温馨提示"),
            para(
                "请提前储备生活用水，停水期间关好水龙头，以防来水时无人看管造成跑水。恢复供水初期"
                "水质可能短时发黄，属管道内沉积物扰动，请打开水龙头放水2至3分钟，待水清后再使用。"
            ),
            picture(
                "lake", "城区水源地青禾水库。", "清晨的水库，青山倒映在平静的水面，一条小船停在水上"
            ),
            para(
                "消防部门已调整停水期间的应急取水方案，医院用水由专用水箱保障。给您带来的不便，"
                "敬请谅解。如有疑问，请拨打水费账单上的服务热线，或在融媒体中心客户端“服务”板块"
                "联系在线客服。"
            ),
        ),
    )


def withdraw_reason(today: date) -> str:
    """Why the notice is void."""
    works = today + timedelta(days=2)
    return (
        f"施工改期：气象部门预报{day(works)}夜间有大雨，城北管网检修延期，原停水公告作废，"
        "施工时间另行通知。"
    )


def stories(today: date) -> tuple[DemoStory, ...]:
    """The answer, and the notice that is withdrawn."""
    return (
        told(night_bus(today), "reporter"),
        told(water_notice(today), "correspondent", withdraw_reason=withdraw_reason(today)),
    )
